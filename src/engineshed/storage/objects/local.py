"""Objects as files below one folder, written so that a reader or a crash never sees a part of one.

A file is written beside its place, flushed to the disk, and then moved or linked there; the folder is flushed too.
"""

from __future__ import annotations

import errno
import fcntl
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from engineshed.model.errors import ObjectMissing, StoreBusy, StoreDenied, StoreError
from engineshed.ports.store import ObjectInfo
from engineshed.storage.objects.store import checked_key, checked_prefix

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

_OWN_PREFIX = ".engineshed-store-"
"""Names of our unfinished files and locks, which are no objects."""

_PIECE_BYTES = 2**20
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_PASSING = {errno.EAGAIN, errno.EINTR, errno.ESTALE, errno.ETIMEDOUT, errno.EBUSY}


class LocalStore:
    """ports.store.ObjectStore on a folder, made when it is missing.

    link: makes a hard link or raises OSError, as os.link does; an argument, since some filesystems have none.
    """

    def __init__(self, root: str | Path, *, link: Callable[[Path, Path], None] = os.link) -> None:
        self._root = Path(root).absolute()
        self._link = link

    @property
    def root(self) -> str:
        """Absolute path."""
        return str(self._root)

    def uri(self, key: str) -> str:
        """Absolute path of the object."""
        return str(self._path(key))

    def put(self, key: str, data: bytes) -> None:
        """See ObjectStore."""
        path = self._path(key)
        with _translated(path), _written_beside(path, (data,)) as part:
            part.replace(path)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """See ObjectStore."""
        path = self._path(key)
        with _translated(path):
            if path.exists():
                return False
            with _written_beside(path, (data,)) as part:
                try:
                    self._link(part, path)
                except FileExistsError:
                    return False
                except OSError as error:
                    if error.errno not in _NO_LINKS:
                        raise
                    return _move_if_absent(part, path)
                return True

    def get(self, key: str) -> bytes:
        """See ObjectStore."""
        path = self._path(key)
        with _translated(path):
            try:
                return path.read_bytes()
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
                raise ObjectMissing(
                    f"no object {key!r} below {self._root}: it was never written, or deleted."
                ) from error

    def put_file(self, key: str, path: Path, moved: Callable[[int], None] | None = None) -> None:
        """See ObjectStore."""
        target = self._path(key)
        with _translated(target), open(path, "rb") as source, _written_beside(target, _pieces(source, moved)) as part:
            part.replace(target)

    def list(self, prefix: str, *, after: str = "") -> Iterator[ObjectInfo]:
        """See ObjectStore."""
        folder = checked_prefix(prefix).rpartition("/")[0]
        with _translated(self._root / folder):
            for found in _walk(self._root / folder, f"{folder}/" if folder else "", prefix):
                if found.key > after:
                    yield found

    def delete(self, key: str) -> None:
        """See ObjectStore."""
        path = self._path(key)
        with _translated(path):
            path.unlink(missing_ok=True)

    def filesystem(self) -> FileSystem:
        """See TableStore."""
        from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

        return SubTreeFileSystem(str(self._root), LocalFileSystem())

    def _path(self, key: str) -> Path:
        if checked_key(key).rpartition("/")[2].startswith(_OWN_PREFIX):
            raise StoreError(f"object key {key!r} is a name of unfinished files: choose another.")
        return self._root / key


def _walk(folder: Path, above: str, prefix: str) -> Iterator[ObjectInfo]:
    try:
        with os.scandir(folder) as found:
            entries = {entry.name + ("/" if entry.is_dir() else ""): entry for entry in found}
    except (FileNotFoundError, NotADirectoryError):
        return
    # With its slash a folder sorts where its keys do: `a-b` before `a/b`.
    for name in sorted(entries):
        key = above + name
        if name.endswith("/"):
            if key.startswith(prefix) or prefix.startswith(key):
                yield from _walk(folder / name, key, prefix)
        elif key.startswith(prefix) and not name.startswith(_OWN_PREFIX):
            try:
                stat = entries[name].stat()
            except FileNotFoundError:  # deleted since
                continue
            etag = f"{stat.st_mtime_ns:x}-{stat.st_ino:x}-{stat.st_size:x}"
            yield ObjectInfo(key, stat.st_size, etag, datetime.fromtimestamp(stat.st_mtime, UTC))


@contextmanager
def _written_beside(path: Path, pieces: Iterable[bytes]) -> Iterator[Path]:
    _make_folder(path.parent)
    part = path.with_name(f"{_OWN_PREFIX}{uuid.uuid4().hex}")
    try:
        with open(part, "xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        yield part
        _flush_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _pieces(source: IO[bytes], moved: Callable[[int], None] | None) -> Iterator[bytes]:
    while piece := source.read(_PIECE_BYTES):
        yield piece
        if moved is not None:
            moved(len(piece))


def _move_if_absent(part: Path, path: Path) -> bool:
    # A lock and a move, rather than creating the file in its place, which would show a part of it.
    with open(path.with_name(f"{_OWN_PREFIX}lock"), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return False
        part.replace(path)
        return True


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _DENIED:
            raise StoreDenied(f"{path} is refused ({error}): give this user access to it.") from error
        kind = StoreBusy if error.errno in _PASSING else StoreError
        raise kind(f"{path} cannot be reached: {error}. Check the folder and its disk.") from error
