"""Which partitions a run covers: every key, every dimension, every window.

Dagster's own Pipes context leaves all of this out for a single-run backfill; here one value carries it for one key and
for a thousand alike, and knows the directory name under which a partition is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

UNPARTITIONED_DIR = "_all"


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

    @property
    def targets(self) -> tuple[str | None, ...]:
        """What is published: one entry a key, or a single None for an asset without partitions."""
        return self.keys or (None,)
