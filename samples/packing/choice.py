"""Chooses the pages of a crawl: few megabytes that still show who links to whom.

It exists because the packages hold gigabytes. A page is worth the links it adds between organisations of
the seed list, each further link of a pair counting less, for each byte it costs; what is left of the room
is filled at random, but the same way every time. It refuses pages that are mere indexes, and very long ones.
"""

from __future__ import annotations

import csv
import hashlib
import heapq
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from packing.packages import Member
from packing.sources import Source

LINK = re.compile(rb"<a\b[^>]*?\bhref\s*=\s*[\"'](https?://[^\"'\s<>#]+)", re.IGNORECASE)
NO_PAGE = re.compile(r"(^|/)(_modules|_static|_sources|AMDGPU)/|(^|/)(gen|py-mod)index|(^|/)search\.html$")
LINKED_SHARE = 0.85
MAX_PAGE_BYTES = 160_000
MIN_PAGE_BYTES = 1_500
SUFFIXES = PublicSuffixList()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page that can be taken; `cost_bytes` is its size when packed."""

    package: str
    path: str
    site: str
    cost_bytes: int
    links: Mapping[str, int]

    @property
    def lot(self) -> str:
        """A number drawn for the page, always the same."""
        return hashlib.sha256(f"{self.package} {self.path}".encode()).hexdigest()


@cache
def site_of(host: str) -> str | None:
    """The registrable domain of a host."""
    return SUFFIXES.privatesuffix(host)


def seed_sites(seeds: Path) -> frozenset[str]:
    """The registrable domains of a seed list; rows without a usable one are passed over."""
    with seeds.open(encoding="utf-8", newline="") as rows:
        hosts = [urlsplit(row["url"].lower()).hostname for row in csv.DictReader(rows)]
    return frozenset(site for host in hosts if host and (site := site_of(host)))


def candidates(source: Source, members: Iterable[Member], sites: frozenset[str]) -> list[Page]:
    """The pages of a package that can be taken."""
    own = site_of(urlsplit(source.url).hostname or "")
    if own is None:
        raise ValueError(f"{source.package}: {source.url} has no registrable domain")
    pages = []
    for member in members:
        path = source.path_of(member.path)
        if path is None or not path.endswith((".html", ".htm")) or NO_PAGE.search(path):
            continue
        if MIN_PAGE_BYTES <= len(member.body) <= MAX_PAGE_BYTES:
            links = {site: n for site, n in _links(member.body).items() if site in sites and site != own}
            cost_bytes = len(zlib.compress(member.body, 6)) + 500
            page = Page(package=source.package, path=path, site=own, cost_bytes=cost_bytes, links=links)
            pages.append(page)
    return pages


def choose(pages: Sequence[Page], room_bytes: int) -> list[Page]:
    """The front page of each package, then the pages that add most for their size, then some by lot."""
    taken: dict[tuple[str, str], Page] = {}
    known: Counter[tuple[str, str]] = Counter()
    left = room_bytes

    def take(page: Page) -> None:
        nonlocal left
        taken[page.package, page.path] = page
        known.update((page.site, site) for site in page.links)
        left -= page.cost_bytes

    for page in pages:
        if page.path in ("index.html", "index.htm"):
            take(page)
    queue = [(-_worth(page, known), page.lot, page) for page in pages if page.links]
    heapq.heapify(queue)
    while queue and left > room_bytes * (1 - LINKED_SHARE):
        _, lot, page = heapq.heappop(queue)
        if (page.package, page.path) in taken:
            continue
        # Worth only falls as pages are taken, so the best is the one that stays ahead after a fresh look.
        worth = _worth(page, known)
        if queue and -worth > queue[0][0]:
            heapq.heappush(queue, (-worth, lot, page))
        elif page.cost_bytes <= left:
            take(page)
    for page in sorted(pages, key=lambda each: each.lot):
        if (page.package, page.path) not in taken and page.cost_bytes <= min(left, 8_000):
            take(page)
    return sorted(taken.values(), key=lambda each: (each.package, each.path))


def _worth(page: Page, known: Mapping[tuple[str, str], int]) -> float:
    gain = sum(0.5 ** known.get((page.site, site), 0) for site in page.links)
    return gain / (page.cost_bytes + 2_000)


def _links(body: bytes) -> Counter[str]:
    found: Counter[str] = Counter()
    for match in LINK.findall(body):
        try:
            host = urlsplit(match.decode("utf-8", "replace")).hostname
        except ValueError:
            continue
        if host and (site := site_of(host.rstrip("."))):
            found[site] += 1
    return found
