"""Writes down whose pages the sample holds and under which licence.

It exists because every licence here asks for its notice to travel with the pages. It refuses a package
without a copyright file.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from packing.packages import Locked, Member
from packing.sources import Crawl

PREAMBLE = """\
# Whose pages these are

Every page in `crawls/` is the work of the people named here and is passed on unchanged under their licence.
The copyright file of each package lies in `licences/<crawl>.zip` as `<package>.txt` and says it in full; the
text of the Apache License 2.0, to which those files refer, is `licences/Apache-2.0.txt`. Pages under licences that ask
for the source to be passed on with them (the GPL family) were left out. This file is written by `pack.py`.

| organisation | crawl | package | version | licence | copyright | address of its pages |
|---|---|---|---|---|---|---|
"""


def copyright_file(package: str, members: Iterable[Member]) -> bytes:
    """The copyright file of a package; `ValueError` if it has none."""
    for member in members:
        if member.path == f"usr/share/doc/{package}/copyright":
            return member.body
    raise ValueError(f"{package} holds no copyright file; name the package that does as `copyright_package`")


def bundle(notices: Mapping[str, bytes]) -> bytes:
    """A zip of copyright files by name that depends on nothing but them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as files:
        for name in sorted(notices):
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            files.writestr(entry, notices[name])
    return out.getvalue()


def write_notices(path: Path, crawls: Sequence[Crawl], locked: Sequence[Locked]) -> None:
    """Writes `LICENSES.md`."""
    versions = {(each.crawl, each.package): each.version for each in locked}
    rows = sorted(
        f"| {source.organisation} | {crawl.name} | {source.package} | "
        f"{versions[crawl.name, source.package]} | {source.licence} | {source.holder} | {source.url} |"
        for crawl in crawls
        for source in crawl.sources
    )
    path.write_text(PREAMBLE + "\n".join(rows) + "\n", encoding="utf-8")
