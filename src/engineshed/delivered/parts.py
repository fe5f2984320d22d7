"""What was delivered of one stream, and in which order it was written.

Refuses to guess: a name that is neither the stream's own nor that of an archive with its date is left out. Archives
that are numbered (`stdout.1`) are left out too, since each roll renames them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

_DATED = re.compile(r"(?:--|[-._])(?P<stamp>\d{4}-\d{2}-\d{2}[-T_.:0-9]*?(?:--\d+)?)(?:\.(?:log|txt|out))?")


@dataclass(frozen=True, slots=True)
class Part:
    """One delivered object. `name` is the source's own word for it.

    version: changes with the content (an etag) and, where files are rolled, with the file that has the name (its time):
    two of them may hold the same lines.
    stamp: when it was rolled, as its name says; empty for the one that is still written.
    """

    name: str
    size_bytes: int
    version: str
    stamp: str = ""


class RangeSource(Protocol):
    """One stream's delivered objects. Errors of the platform pass through."""

    def parts(self) -> Sequence[Part]:
        """What is there now, oldest first, the one that is still written last; see `rolled`. Empty before the first."""
        ...

    def read(self, part: Part, offset: int, most: int) -> bytes:
        """At most so many bytes from there, of that very version; fewer only at its end, none when it is gone."""
        ...


def rolled(parts: Iterable[Part], active: str) -> list[Part]:
    """Those of one stream in the order in which they were written.

    active: the name of the file that is still written (`stdout`, `log4j-active.log`), with or without `.gz`; names are
    compared without their folders. `stdout--2024-03-01--12-00`, `stdout.2024-03-01-12.gz` and
    `log4j-2024-03-01-12.log.gz` are archives of it.
    """
    own = _plain(active)
    stem = own.removesuffix("-active.log").removesuffix(".log")
    archives, current = [], []
    for part in parts:
        name = _plain(part.name)
        if name == own:
            current.append(Part(part.name, part.size_bytes, part.version))
        elif name.startswith(stem) and (dated := _DATED.fullmatch(name[len(stem) :])):
            archives.append(Part(part.name, part.size_bytes, part.version, dated["stamp"]))
    return [*sorted(archives, key=lambda part: part.stamp), *current[:1]]


def _plain(name: str) -> str:
    return PurePosixPath(name).name.removesuffix(".gz")
