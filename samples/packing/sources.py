"""The documentation packages of each crawl and the public address of each of their pages.

It exists so that `sources.toml` is read in one place. It refuses a source that names an unknown crawl or an
unknown way to make an address.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

STYLES = ("files", "directories", "php", "stems")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One documentation package as one crawl sees it; `root` is the folder of its pages below usr/share."""

    crawl: str
    organisation: str
    licence: str
    holder: str
    package: str
    copyright_package: str
    root: str
    url: str
    pages: str = "files"
    exclude: str | None = None

    def path_of(self, member: str) -> str | None:
        """The path below the root of a package member, or None for one that lies elsewhere or is left out."""
        prefix = f"usr/share/{self.root}/"
        if not member.startswith(prefix):
            return None
        path = member.removeprefix(prefix)
        return None if self.exclude and re.search(self.exclude, path) else path

    def address_of(self, path: str) -> str:
        """The public URL of the file at `path` below the root."""
        stem, dot, suffix = path.rpartition(".")
        if dot and suffix in ("html", "htm"):
            path = self._page(stem, path)
        return self.url + quote(path, safe="/~!$&'()*+,;=:@-._")

    def _page(self, stem: str, path: str) -> str:
        folder, _, name = stem.rpartition("/")
        if name == "index":
            return f"{folder}/" if folder else ""
        match self.pages:
            case "directories":
                return f"{stem}/"
            case "php":
                return f"{stem}.php"
            case "stems":
                return stem
            case _:
                return path


@dataclass(frozen=True, slots=True)
class Crawl:
    """One release of the distribution, crawled from `start` on."""

    name: str
    suite: str
    start: datetime
    sources: tuple[Source, ...]


def load(path: Path) -> tuple[Crawl, ...]:
    """The crawls of a `sources.toml`, in the order of the file; `ValueError` names what does not fit."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    crawls: dict[str, dict[str, Any]] = document["crawls"]
    found: dict[str, list[Source]] = {name: [] for name in crawls}
    for entry in document["sources"]:
        for name in entry.get("crawls", list(crawls)):
            if name not in crawls:
                raise ValueError(f"{path}: {entry['package']} names the crawl {name!r}; known: {list(crawls)}")
            found[name].append(_source(path, name, entry, crawls[name]["words"]))
    return tuple(Crawl(name, crawl["suite"], crawl["start"], tuple(found[name])) for name, crawl in crawls.items())


def _source(path: Path, crawl: str, entry: dict[str, Any], words: dict[str, str]) -> Source:
    style = entry.get("pages", "files")
    if style not in STYLES:
        raise ValueError(f"{path}: {entry['package']} has pages = {style!r}; allowed: {', '.join(STYLES)}")
    package = entry["package"].format(**words)
    return Source(
        crawl=crawl,
        organisation=entry["organisation"],
        licence=entry["licence"],
        holder=entry["holder"],
        package=package,
        copyright_package=entry.get("copyright_package", package),
        root=entry["root"].format(**words),
        url=entry["url"].format(**words),
        pages=style,
        exclude=entry.get("exclude"),
    )
