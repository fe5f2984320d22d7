"""Lays the chosen pages of a crawl out in WARC files, in the order and at the times of a polite crawler.

It exists apart from the records because the layout is what makes two runs alike: which record goes to which
file, at which second. It refuses a chosen page that its package does not hold.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from packing.packages import Member
from packing.records import page_headers, response, warcinfo
from packing.sources import Crawl, Source

FILES_PER_CRAWL = 3
SECONDS_BETWEEN_PAGES = 7
ROBOTS = b"User-agent: *\nDisallow:\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said at one address."""

    url: str
    status: HTTPStatus
    headers: Mapping[str, str]
    body: bytes


def read_selection(path: Path) -> dict[tuple[str, str], list[str]]:
    """The chosen paths for each (crawl, package)."""
    chosen: dict[tuple[str, str], list[str]] = {}
    with path.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            chosen.setdefault((row["crawl"], row["package"]), []).append(row["path"])
    return chosen


def write_selection(path: Path, rows: Iterable[tuple[str, str, str]]) -> None:
    """Writes (crawl, package, path) rows, sorted."""
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("crawl", "package", "path"))
        writer.writerows(sorted(rows))


def answers(source: Source, paths: Sequence[str], members: Iterable[Member], asked: datetime) -> list[Answer]:
    """The answers for the chosen pages of one package; `ValueError` names a page that is not there."""
    wanted = set(paths)
    found = {}
    for member in members:
        path = source.path_of(member.path)
        if path in wanted:
            headers = page_headers(path, member.body, member.modified_s, asked)
            found[path] = Answer(source.address_of(path), HTTPStatus.OK, headers, member.body)
    if missing := sorted(wanted - found.keys()):
        raise ValueError(f"{source.package} does not hold {missing[0]}; run pack.py --choose again")
    return [found[path] for path in sorted(found)]


def by_the_way(source: Source) -> list[Answer]:
    """What a crawler meets besides pages, for some of the sources: a robots.txt, a redirect to the manual."""
    address = urlsplit(source.url)
    met = []
    if _draw(f"robots {address.hostname}") % 5 == 0:
        url = f"{address.scheme}://{address.hostname}/robots.txt"
        met.append(Answer(url, HTTPStatus.OK, {"Content-Type": "text/plain"}, ROBOTS))
    if address.path != "/" and not address.query and _draw(f"redirect {source.package}") % 5 == 0:
        headers = {"Location": source.url, "Content-Type": "text/html"}
        met.append(Answer(f"http://{address.hostname}/", HTTPStatus.MOVED_PERMANENTLY, headers, b""))
    return met


def lay_out(crawl: Crawl, met: Iterable[Answer]) -> dict[str, bytes]:
    """The WARC files of a crawl by file name; of two answers for one address the first counts."""
    first = {answer.url: answer for answer in reversed(list(met))}
    files = {}
    for number in range(FILES_PER_CRAWL):
        name = f"{crawl.name}-{number:05}.warc.gz"
        mine = [answer for url, answer in first.items() if _draw(url) % FILES_PER_CRAWL == number]
        parts = [warcinfo(name, crawl.start, _about(crawl))]
        for turn, answer in enumerate(sorted(mine, key=lambda each: _draw(f"turn {each.url}")), start=1):
            date = crawl.start + timedelta(seconds=turn * SECONDS_BETWEEN_PAGES)
            headers = answer.headers
            parts.append(response(answer.url, date, answer.body, status=answer.status, headers=headers))
        files[name] = b"".join(parts)
    return files


def _about(crawl: Crawl) -> dict[str, str]:
    return {
        "software": "engineshed samples/pack.py",
        "format": "WARC File Format 1.1",
        "isPartOf": crawl.name,
        "description": f"Pages of documentation packages of Debian {crawl.suite} under their public addresses; "
        "packed from the packages, not fetched from the sites. Licences: samples/LICENSES.md",
    }


def _draw(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
