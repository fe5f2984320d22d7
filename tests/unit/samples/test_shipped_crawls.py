from __future__ import annotations

import csv
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import yaml
from packing.choice import site_of
from packing.packages import read_lock
from packing.sources import load
from selectolax.lexbor import LexborHTMLParser

from .conftest import Record

MOST_BYTES = 6 * 1024 * 1024
NO_ORGANISATION = {"github.com", "linkedin.com", "twitter.com", "amazon.com", "bit.ly", "sedoparking.com"}


def test_every_record_is_whole(crawls: dict[str, list[Record]]) -> None:
    records = [record for crawl in crawls.values() for record in crawl]

    assert len(records) > 1000
    assert [record.url for record in records if not record.digests_hold] == []


def test_each_file_opens_with_its_own_description(crawls: dict[str, list[Record]]) -> None:
    for records in crawls.values():
        files = list(dict.fromkeys(record.file for record in records))
        assert len(files) >= 2
        for file in files:
            kinds = [record.kind for record in records if record.file == file]
            assert kinds[0] == "warcinfo"
            assert set(kinds[1:]) == {"response"}


def test_addresses_are_absolute_and_met_once_a_crawl(crawls: dict[str, list[Record]]) -> None:
    for records in crawls.values():
        urls = [record.url for record in records if record.kind == "response"]
        assert {urlsplit(url).scheme for url in urls} == {"http", "https"}
        assert all(urlsplit(url).hostname for url in urls)
        assert len(set(urls)) == len(urls)


def test_a_crawl_meets_more_than_pages(crawls: dict[str, list[Record]]) -> None:
    for records in crawls.values():
        assert any(record.status == 301 and not record.body for record in records)
        assert any(record.url.endswith("/robots.txt") for record in records)
        assert any(record.content_type == "text/plain" and record.url.endswith(".txt") for record in records)


def test_the_sample_stays_small(samples: Path) -> None:
    assert sum(path.stat().st_size for path in (samples / "crawls").rglob("*.gz")) <= MOST_BYTES


def test_each_page_has_a_licence(samples: Path, crawls: dict[str, list[Record]]) -> None:
    rows = (samples / "LICENSES.md").read_text(encoding="utf-8").splitlines()
    listed = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row.startswith("| ")]
    for name, records in crawls.items():
        bases = [row[6] for row in listed if row[1] == name and row[4] and row[5]]
        pages = [record.url for record in records if record.status == 200 and not record.url.endswith("/robots.txt")]
        assert [url for url in pages if not url.startswith(tuple(bases))] == []


def test_each_package_is_locked_brings_its_notice_and_has_a_seed(
    samples: Path, seed_rows: Sequence[dict[str, str]]
) -> None:
    locked = {(each.crawl, each.package) for each in read_lock(samples / "packages.lock")}
    organisations = {row["organisation"] for row in seed_rows}
    for crawl in load(samples / "sources.toml"):
        with zipfile.ZipFile(samples / "licences" / f"{crawl.name}.zip") as notices:
            assert set(notices.namelist()) == {f"{source.package}.txt" for source in crawl.sources}
            assert all(entry.file_size for entry in notices.infolist())
        assert {(crawl.name, source.package) for source in crawl.sources} <= locked
        assert {source.organisation for source in crawl.sources} <= organisations


def test_the_shipped_pages_are_the_selected_ones(samples: Path, crawls: dict[str, list[Record]]) -> None:
    sources = {(crawl.name, s.package): s for crawl in load(samples / "sources.toml") for s in crawl.sources}
    with (samples / "selection.csv").open(encoding="utf-8", newline="") as rows:
        selected = [(row["crawl"], row["package"], row["path"]) for row in csv.DictReader(rows)]
    for name, records in crawls.items():
        wanted = {sources[crawl, package].address_of(path) for crawl, package, path in selected if crawl == name}
        pages = {record.url for record in records if record.status == 200}
        assert wanted <= pages
        assert all(url.endswith("/robots.txt") for url in pages - wanted)


@pytest.mark.parametrize("domain", ["databases", "languages"])
def test_the_network_tells_something_and_changes(
    domain: str, domains: Path, seed_rows: Sequence[dict[str, str]], crawls: dict[str, list[Record]]
) -> None:
    query = yaml.safe_load((domains / f"{domain}.yaml").read_text(encoding="utf-8"))
    assert query["name"] == domain
    seeds = set(_sites(seed_rows, set(query["seeds"]["sector"])))

    networks = [_network(records, seeds) for _, records in sorted(crawls.items())]

    for network in networks:
        assert len({site for pair in network for site in pair}) >= 40
        assert len(network) >= 100
        assert any((there, here) in network for here, there in network)
    assert len(networks) == 2
    assert len(set(networks[1]) - set(networks[0])) >= 20
    assert len(set(networks[0]) - set(networks[1])) >= 10


def _sites(rows: Sequence[dict[str, str]], sectors: set[str]) -> Iterator[str]:
    for row in rows:
        host = urlsplit(row["url"].lower()).hostname
        site = site_of(host) if host and sectors & set(row["sector"].split(";")) else None
        if site and site not in NO_ORGANISATION:
            yield site


def _network(records: Sequence[Record], seeds: set[str]) -> Counter[tuple[str, str]]:
    pairs: Counter[tuple[str, str]] = Counter()
    for record in records:
        here = site_of(urlsplit(record.url).hostname or "")
        if here not in seeds or not record.content_type.startswith("text/html"):
            continue
        for link in LexborHTMLParser(record.body).css("a[href], area[href]"):
            try:
                host = urlsplit(urljoin(record.url, link.attributes["href"] or "")).hostname
            except ValueError:
                continue
            there = site_of(host) if host else None
            if there in seeds and there != here:
                pairs[str(here), str(there)] += 1
    return pairs
