"""A pyarrow filesystem over a store that reads by range, for stores that pyarrow itself does not know. Read-only.

Keys are paths. A file is read in pieces of at least half a MiB, since each is a request.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import pyarrow as pa
from pyarrow.fs import FileInfo, FileSelector, FileSystemHandler, FileType

from engineshed.model.errors import ObjectMissing
from engineshed.ports.store import ObjectInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PIECE_BYTES = 512 * 1024


class RangeStore(Protocol):
    """What is needed of a store."""

    @property
    def root(self) -> str:
        """See ObjectStore."""
        ...

    def info(self, key: str) -> ObjectInfo | None:
        """One object; None where there is none."""
        ...

    def list(self, prefix: str, *, after: str = "") -> Iterator[ObjectInfo]:
        """See ObjectStore."""
        ...

    def read(self, key: str, offset: int, most: int) -> bytes:
        """A range, which begins before the object's end."""
        ...


class Handler(FileSystemHandler):  # type: ignore[misc, unused-ignore]
    """See pyarrow.fs.FileSystemHandler."""

    def __init__(self, store: RangeStore) -> None:
        self._store = store

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handler) and other._store.root == self._store.root

    __hash__ = None  # type: ignore[assignment]

    def get_type_name(self) -> str:
        """Shown in reprs."""
        return "objects"

    def normalize_path(self, path: str) -> str:
        """Keys are normal."""
        return path

    def get_file_info(self, paths: Sequence[str]) -> list[FileInfo]:
        """Files, folders that hold some, or what is not there."""
        return [self._info(path.strip("/")) for path in paths]

    def get_file_info_selector(self, selector: FileSelector) -> list[FileInfo]:
        """The files below a folder, and the folders that they lie in. Raises FileNotFoundError."""
        base = selector.base_dir.strip("/")
        prefix = f"{base}/" if base else ""
        found: dict[str, FileInfo] = {}
        for one in self._store.list(prefix):
            parts = one.key.removeprefix(prefix).split("/")
            for depth in range(1, len(parts) if selector.recursive else min(len(parts), 2)):
                folder = prefix + "/".join(parts[:depth])
                found.setdefault(folder, FileInfo(folder, FileType.Directory))
            if selector.recursive or len(parts) == 1:
                found[one.key] = FileInfo(one.key, FileType.File, size=one.size_bytes)
        if not found and not selector.allow_not_found:
            raise FileNotFoundError(base)
        return list(found.values())

    def open_input_file(self, path: str) -> pa.PythonFile:
        """For random access. Raises FileNotFoundError."""
        info = self._store.info(path)
        if info is None:
            raise FileNotFoundError(path)
        return pa.PythonFile(io.BufferedReader(_Ranges(self._store, info), _PIECE_BYTES), mode="r")

    def open_input_stream(self, path: str) -> pa.PythonFile:
        """From the start. Raises FileNotFoundError."""
        return self.open_input_file(path)

    def _info(self, path: str) -> FileInfo:
        one = self._store.info(path) if path else None
        if one is not None:
            return FileInfo(path, FileType.File, size=one.size_bytes)
        holds = next(iter(self._store.list(f"{path}/" if path else "")), None)
        return FileInfo(path, FileType.NotFound if holds is None else FileType.Directory)

    def _refuse(self, *given: Any, **named: Any) -> NoReturn:
        raise OSError(f"{self._store.root} is read-only by pyarrow: write by the store.")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = _refuse
    delete_file = move = copy_file = open_output_stream = open_append_stream = _refuse


class _Ranges(io.RawIOBase):
    """One object."""

    def __init__(self, store: RangeStore, info: ObjectInfo) -> None:
        self._store, self._info, self._at = store, info, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._info.size_bytes}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        most = min(len(buffer), self._info.size_bytes - self._at)
        if most <= 0:
            return 0
        try:
            data = self._store.read(self._info.key, self._at, most)
        except ObjectMissing as error:
            raise FileNotFoundError(str(error)) from error
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
