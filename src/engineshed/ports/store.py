"""What an object store must do: immutable objects by key, and one atomic primitive, put-if-absent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One listed object. `key` is relative to the store's root, parts joined by `/`; `etag` changes with it.

    modified_at: when it was written, UTC, by the store's own clock; None where the store does not say.
    """

    key: str
    size_bytes: int
    etag: str
    modified_at: datetime | None = None


class ObjectStore(Protocol):
    """Objects below one root. Keys are relative, without leading slash or `..`."""

    @property
    def root(self) -> str:
        """URI or absolute path of the root, without a trailing slash."""
        ...

    def uri(self, key: str) -> str:
        """The URI or path under which Spark, DuckDB and Polars find the object."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Write, replacing. Readers see the old object or the new one, never a part."""
        ...

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write unless the key exists; True for exactly one of any number of concurrent callers."""
        ...

    def get(self, key: str) -> bytes:
        """The whole object. Raises ObjectMissing."""
        ...

    def put_file(self, key: str, path: Path, moved: Callable[[int], None] | None = None) -> None:
        """Write the content of a file of this machine, replacing, without ever holding it whole.

        moved: told the bytes that are on their way since it was last called, maybe by other threads; what it raises
        ends the writing.
        """
        ...

    def list(self, prefix: str, *, after: str = "") -> Iterator[ObjectInfo]:
        """All objects whose key starts with the prefix, sorted by key, over any number of pages.

        after: only keys that sort behind this one, which need not exist.
        """
        ...

    def delete(self, key: str) -> None:
        """Delete. No error when it is gone."""
        ...
