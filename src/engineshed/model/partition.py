"""Which partitions a run covers: every key, every dimension, every window.

Dagster's own Pipes context leaves all of this out for a single-run backfill; here one value carries it for one key and
for a thousand alike, and knows the directory name under which a partition is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from engineshed.model.errors import JobInvalid

UNPARTITIONED_DIR = "_all"

_PLACEHOLDER = re.compile(r"\{([^{}/]+)\}")
_WHOLE_KEY = "partition"
_NO_PART_OF_A_NAME = re.compile(r"[/\\*?\[\]{}]|^\.{1,2}$|^$")


def partition_dir(partition: str | None) -> str:
    """The one path segment under which a partition's data and commits lie.

    Percent-encoded, so that keys with slashes, dots or spaces neither nest nor clash; None (an asset without
    partitions) has a name that no encoded key can have.
    """
    if partition is None:
        return UNPARTITIONED_DIR
    encoded = quote(partition, safe="|-=~")
    return f"%5F{encoded[1:]}" if encoded.startswith("_") else encoded.replace(".", "%2E")


def partition_of_dir(name: str) -> str | None:
    """The inverse of `partition_dir`."""
    return None if name == UNPARTITIONED_DIR else unquote(name)


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time, ISO 8601 with offset: start <= t < end."""

    start: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionSelection:
    """The partitions of one run.

    keys: all partition keys, in the order of the definition; empty for an asset without partitions.
    by_key: for each key its value in every dimension ({"crawl": .., "domain": ..}; one unnamed dimension is "default").
    windows: for each time-windowed dimension and key value its window.
    key_range: (first, last) when the run covers a contiguous range.
    """

    keys: tuple[str, ...] = ()
    by_key: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    windows: Mapping[str, Mapping[str, Window]] = field(default_factory=dict)
    key_range: tuple[str, str] | None = None

    @property
    def dimensions(self) -> dict[str, tuple[str, ...]]:
        """The distinct values of each dimension, in the order of the keys."""
        seen: dict[str, dict[str, None]] = {}
        for key in self.keys:
            for dimension, value in self.by_key.get(key, {}).items():
                seen.setdefault(dimension, {})[value] = None
        return {dimension: tuple(values) for dimension, values in seen.items()}

    def placed(self, place: str) -> tuple[str, ...]:
        """A place for the partitions of this run: `{crawl}` is a key's value in that dimension, `{partition}` the key.

        Each once, in the order of the keys; the place itself where it names neither. Raises JobInvalid for a name that
        is no dimension, and for a value that would be more than a part of a file's name.
        """
        names = _PLACEHOLDER.findall(place)
        if not names:
            return (place,)
        found: dict[str, None] = {}
        for key in self.keys:
            values = {**self.by_key.get(key, {}), _WHOLE_KEY: key}
            for name in names:
                _refuse_unfit(place, name, values)
            found[_place_of(place, values)] = None
        if not found:
            raise JobInvalid(f"data file {place!r} names partitions, but the asset has none: name the file itself.")
        return tuple(found)

    @property
    def targets(self) -> tuple[str | None, ...]:
        """What is published: one entry a key, or a single None for an asset without partitions."""
        return self.keys or (None,)


def _place_of(place: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda name: values[name[1]], place)


def _refuse_unfit(place: str, name: str, values: Mapping[str, str]) -> None:
    if name not in values:
        raise JobInvalid(
            f"data file {place!r}: no partition dimension {name!r}; there are {', '.join(sorted(values))}."
        )
    if _NO_PART_OF_A_NAME.search(values[name]):
        raise JobInvalid(f"data file {place!r}: {name} is {values[name]!r} here, which is no part of a file's name.")
