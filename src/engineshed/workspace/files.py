"""Files in Unity Catalog volumes, by the workspace's Files API.

A write is one PUT: it is there whole or not at all, and `overwrite=false` lets exactly one of any number of writers
have a path. Refuses more than the 5 GiB that one PUT may carry.

Source: the Files API of the REST reference (databricks.sdk.service.files: limits, `overwrite`, `Range`).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from engineshed.model.errors import EngineError
from engineshed.model.failure import FailureClass
from engineshed.workspace.client import Missing, Taken, Workspace

LARGEST_BYTES = 5 * 2**30

_FILES, _FOLDERS = "/api/2.0/fs/files", "/api/2.0/fs/directories"


class TooLarge(EngineError):
    """One PUT does not carry it."""

    failure_class = FailureClass.CONFIGURATION


@dataclass(frozen=True, slots=True)
class Entry:
    """What a folder holds. `version` changes when the file is written anew, at `modified_at` (UTC)."""

    path: str
    folder: bool
    size_bytes: int = 0
    version: str = ""
    modified_at: datetime | None = None


class Files:
    """Absolute paths below `/Volumes`. All methods raise what `Workspace` raises."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def put(self, path: str, data: bytes) -> None:
        """Write, replacing; folders above are made."""
        self._put(path, data, overwrite=True)

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Write unless it is there; whether it was written."""
        try:
            self._put(path, data, overwrite=False)
        except Taken:
            return False
        return True

    def put_file(self, path: str, file: Path, moved: Callable[[int], None] | None = None) -> None:
        """Write the content of a file of this machine, replacing; `moved` is told the bytes on their way."""
        with _Counted(file.open("rb", buffering=0), moved) as source:
            self._put(path, source, overwrite=True, size_bytes=file.stat().st_size)

    def get(self, path: str) -> bytes:
        """The whole file. Raises Missing."""
        return self._workspace.fetch(_at(_FILES, path), {})

    def read(self, path: str, offset: int, most: int) -> bytes:
        """At most so many bytes from there, which must lie before its end. Raises Missing."""
        if most <= 0:
            return b""
        return self._workspace.fetch(_at(_FILES, path), {"Range": f"bytes={offset}-{offset + most - 1}"})[:most]

    def entries(self, folder: str) -> Iterator[Entry]:
        """What lies in a folder, by name; nothing in one that does not exist."""
        found: list[Entry] = []
        try:
            for plain in self._workspace.items(_at(_FOLDERS, folder), "contents"):
                modified_ms = plain.get("last_modified")
                found.append(
                    Entry(
                        path=str(plain["path"]),
                        folder=bool(plain.get("is_directory")),
                        size_bytes=int(plain.get("file_size") or 0),
                        version=f"{plain.get('last_modified', '')}-{plain.get('file_size', 0)}",
                        modified_at=datetime.fromtimestamp(modified_ms / 1000, UTC) if modified_ms else None,
                    )
                )
        except Missing:
            return
        yield from sorted(found, key=lambda entry: entry.path)

    def delete(self, path: str) -> None:
        """Delete a file; no error when it is gone."""
        try:
            self._workspace.send("DELETE", _at(_FILES, path))
        except Missing:
            return

    def _put(self, path: str, data: bytes | BinaryIO, *, overwrite: bool, size_bytes: int = 0) -> None:
        if (size_bytes or len(data if isinstance(data, bytes) else b"")) > LARGEST_BYTES:
            raise TooLarge(f"{path} would be more than the {LARGEST_BYTES} bytes that a volume takes in one write.")
        try:
            self._workspace.send("PUT", _at(_FILES, path), data, overwrite=overwrite)
        except Missing:
            # The folder is not there yet. Making it may be repeated, and by several at once.
            self._workspace.send("PUT", _at(_FOLDERS, path.rpartition("/")[0]))
            if not isinstance(data, bytes):
                data.seek(0)
            self._workspace.send("PUT", _at(_FILES, path), data, overwrite=overwrite)


class _Counted(io.BufferedReader):
    """A file that tells how much of it was read."""

    def __init__(self, raw: io.RawIOBase, moved: Callable[[int], None] | None) -> None:
        super().__init__(raw)
        self._moved = moved

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes."""
        data = super().read(size)
        if self._moved is not None and data:
            self._moved(len(data))
        return data


def _at(api: str, path: str) -> str:
    return api + quote(path)
