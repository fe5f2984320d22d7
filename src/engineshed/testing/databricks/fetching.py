"""Files that are no path of the workspace: objects of a store that the clusters' instance profile may reach."""

from __future__ import annotations

from typing import Protocol


class Objects(Protocol):
    """Objects by URI, `s3://...`. Raise OSError for what is not there or not allowed."""

    def get(self, uri: str) -> bytes:
        """The whole object."""
        ...

    def put(self, uri: str, data: bytes) -> None:
        """Write, replacing."""
        ...


class NoObjects:
    """A workspace whose clusters have no instance profile."""

    def get(self, uri: str) -> bytes:
        """Refuses."""
        raise PermissionError(f"no instance profile may read {uri}")

    def put(self, uri: str, data: bytes) -> None:
        """Refuses."""
        raise PermissionError(f"no instance profile may write {uri}")
