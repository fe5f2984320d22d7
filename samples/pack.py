"""Makes the sample's crawls from documentation packages: `.venv/bin/python samples/pack.py`.

It exists so that nobody has to take the shipped files on trust. Without options it fetches the locked
packages and writes the chosen pages; the result is the same, byte for byte. It refuses to pack anything but
what `packages.lock` and `selection.csv` name.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

from packing.choice import Page, candidates, choose, seed_sites
from packing.crawls import answers, by_the_way, lay_out, read_selection, write_selection
from packing.notices import bundle, copyright_file, write_notices
from packing.packages import Archive, Locked, read_lock, write_lock
from packing.sources import Crawl, load

LOG = logging.getLogger("samples")
HERE = Path(__file__).resolve().parent
SEEDS = HERE.parent / "code_locations/company_registry/src/company_registry/seeds.csv"
ROOM_BYTES_PER_CRAWL = 2_850_000
TEXT_SOURCES = ("_sources/index.rst.txt", "_sources/index.txt")
TEXTS_PER_CRAWL = 6


def main(argv: list[str] | None = None) -> int:
    """Packs, chooses or checks; the exit status is 1 if a check found a difference."""
    parser = argparse.ArgumentParser(description="Make the sample's WARC files from documentation packages.")
    parser.add_argument("--choose", action="store_true", help="lock what the mirror has and choose pages anew")
    parser.add_argument("--check", action="store_true", help="write nothing; say whether the result would differ")
    parser.add_argument("--folder", type=Path, help="keep packages here (default: a temporary folder)")
    parser.add_argument("--mirror", help="Debian mirror (default: the one apt is configured for)")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    crawls = load(HERE / "sources.toml")
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = (options.folder or Path(temporary)).resolve()
        archives = {crawl.name: Archive(folder, crawl.suite, options.mirror) for crawl in crawls}
        if options.choose:
            _choose(crawls, archives)
        made = _pack(crawls, archives)
    if options.check:
        return _compare(made)
    for path, content in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    write_notices(HERE / "LICENSES.md", crawls, read_lock(HERE / "packages.lock"))
    return 0


def _packages(crawl: Crawl) -> list[str]:
    return sorted({name for source in crawl.sources for name in (source.package, source.copyright_package)})


def _choose(crawls: tuple[Crawl, ...], archives: dict[str, Archive]) -> None:
    sites = seed_sites(SEEDS)
    locked: list[Locked] = []
    chosen: list[tuple[str, str, str]] = []
    for crawl in crawls:
        archive = archives[crawl.name]
        archive.fetch(_packages(crawl))
        locked += [archive.lock(crawl.name, package) for package in _packages(crawl)]
        pages: list[Page] = []
        texts: list[tuple[str, str, str]] = []
        for source in crawl.sources:
            LOG.info("%s: reading %s", crawl.name, source.package)
            members = list(archive.members(source.package))
            pages += candidates(source, members, sites)
            paths = {source.path_of(member.path) for member in members}
            texts += [(crawl.name, source.package, path) for path in TEXT_SOURCES if path in paths]
        chosen += [(crawl.name, page.package, page.path) for page in choose(pages, ROOM_BYTES_PER_CRAWL)]
        chosen += texts[:: max(1, len(texts) // TEXTS_PER_CRAWL)]
    write_lock(HERE / "packages.lock", locked)
    write_selection(HERE / "selection.csv", chosen)


def _pack(crawls: tuple[Crawl, ...], archives: dict[str, Archive]) -> dict[Path, bytes]:
    locked = read_lock(HERE / "packages.lock")
    selection = read_selection(HERE / "selection.csv")
    made: dict[Path, bytes] = {}
    for crawl in crawls:
        archive = archives[crawl.name]
        mine = [each for each in locked if each.crawl == crawl.name]
        LOG.info("%s: fetching and reading %d packages of %s", crawl.name, len(mine), crawl.suite)
        archive.fetch([f"{each.package}={each.version}" for each in mine])
        for each in mine:
            archive.verify(each)
        met = []
        notices = {}
        for source in crawl.sources:
            paths = selection.get((crawl.name, source.package), [])
            met += answers(source, paths, archive.members(source.package), crawl.start) + by_the_way(source)
            holder = source.copyright_package
            notices[f"{source.package}.txt"] = copyright_file(holder, archive.members(holder))
        made[HERE / "licences" / f"{crawl.name}.zip"] = bundle(notices)
        for name, content in lay_out(crawl, met).items():
            made[HERE / "crawls" / crawl.name / name] = content
    return made


def _compare(made: dict[Path, bytes]) -> int:
    differing = [path for path, content in made.items() if not path.exists() or path.read_bytes() != content]
    for path in differing:
        LOG.warning("%s differs from what its packages give", path.relative_to(HERE))
    LOG.info("%d files compared, %d differ", len(made), len(differing))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
