"""What the stores here offer beyond ports.store: a filesystem by which pyarrow reads the very same objects.

Also the one rule for keys: one that could climb out of the root, or that two stores would read differently, is
refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engineshed.model.errors import StoreError
from engineshed.ports.store import ObjectStore

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


class TableStore(ObjectStore, Protocol):
    """An object store from which pyarrow reads too."""

    def filesystem(self) -> FileSystem:
        """A pyarrow filesystem whose paths are this store's keys, with the store's own endpoint and credentials."""
        ...


def checked_key(key: str) -> str:
    """The key itself. Raises StoreError for one that is empty, absolute, or has empty, `.` or `..` parts."""
    if "\x00" in key or any(part in ("", ".", "..") for part in key.split("/")):
        raise StoreError(f"object key {key!r} is unfit: give relative parts joined by `/`, none of them empty or `..`.")
    return key


def checked_prefix(prefix: str) -> str:
    """The prefix itself, which may be empty or end in `/`. Raises StoreError as `checked_key` does."""
    whole = prefix.removesuffix("/")
    return checked_key(whole) + prefix[len(whole) :] if prefix else prefix
