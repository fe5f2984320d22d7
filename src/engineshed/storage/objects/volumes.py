"""Objects as files of a Unity Catalog volume: `/Volumes/<catalog>/<schema>/<volume>/<prefix>`.

The paths are those under which Spark on Databricks and its drivers find the very files. A write is one PUT of the Files
API, seen whole or not at all; `put_if_absent` is a PUT with `overwrite=false`, which the service answers with 409 to
all but one. What was started by another way than this API (a driver's own file handle below /Volumes) has no such
promise, so nothing here relies on one. Folders are made as they are needed; a list walks them.

Refuses a root that is no place within a volume, and one PUT of more than 5 GiB.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engineshed.model.errors import (
    AccessDenied,
    EngineError,
    ObjectMissing,
    PlatformBusy,
    SettingInvalid,
    StoreBusy,
    StoreDenied,
    StoreError,
)
from engineshed.ports.store import ObjectInfo
from engineshed.storage.objects.store import checked_key, checked_prefix
from engineshed.workspace import Entry, Files, Login, Missing, Workspace, require_sdk

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


_ROOT = re.compile(r"(?:dbfs:)?/Volumes/[^/]+/[^/]+/[^/]+(?:/[^/]+)*")
_WRITE_TRIES = 4
"""Of a write that the service throttles or drops; reads are repeated by those who poll."""

_Result = TypeVar("_Result")


class VolumeStore:
    """ports.store.ObjectStore on a volume. `pause`: waits so many seconds before a write is tried again."""

    def __init__(self, root: str, files: Files, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._root, self._files, self._pause = checked_root(root), files, pause

    @property
    def root(self) -> str:
        """`/Volumes/<catalog>/<schema>/<volume>/<prefix>`."""
        return self._root

    def uri(self, key: str) -> str:
        """The path of the file, as Databricks knows it."""
        return f"{self._root}/{checked_key(key)}"

    def put(self, key: str, data: bytes) -> None:
        """See ObjectStore."""
        self._written(key, lambda: self._files.put(self.uri(key), data))

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """See ObjectStore. False, too, when the first sending of this very call got through and its reply was lost."""
        return self._written(key, lambda: self._files.put_if_absent(self.uri(key), data))

    def get(self, key: str) -> bytes:
        """See ObjectStore."""
        with _translated(self.uri(key)):
            return self._files.get(self.uri(key))

    def read(self, key: str, offset: int, most: int) -> bytes:
        """A range of an object, which begins before its end. Raises ObjectMissing."""
        with _translated(self.uri(key)):
            return self._files.read(self.uri(key), offset, most)

    def put_file(self, key: str, path: Path, moved: Callable[[int], None] | None = None) -> None:
        """See ObjectStore."""
        self._written(key, lambda: self._files.put_file(self.uri(key), path, moved))

    def list(self, prefix: str, *, after: str = "") -> Iterator[ObjectInfo]:
        """See ObjectStore. Asks for each folder below the prefix, save those that lie before `after` whole."""
        folder = checked_prefix(prefix).rpartition("/")[0]
        with _translated(f"{self._root}/{prefix}"):
            yield from self._below(folder, prefix, after)

    def delete(self, key: str) -> None:
        """See ObjectStore. The folder stays."""
        self._written(key, lambda: self._files.delete(self.uri(key)))

    def filesystem(self) -> FileSystem:
        """See TableStore. For reading; pyarrow has no filesystem for volumes of its own."""
        from pyarrow.fs import PyFileSystem

        from engineshed.storage.objects.arrow import Handler

        return PyFileSystem(Handler(self))

    def info(self, key: str) -> ObjectInfo | None:
        """What the folder says of one object; None where there is none."""
        return next((found for found in self.list(key) if found.key == key), None)

    def _below(self, folder: str, prefix: str, after: str) -> Iterator[ObjectInfo]:
        for entry in self._entries(folder):
            key = entry.path.removeprefix(f"{self._root}/")
            if entry.folder:
                inner = f"{key}/"
                wanted = inner.startswith(prefix) or prefix.startswith(inner)
                if wanted and (inner > after or after.startswith(inner)):
                    yield from self._below(key, prefix, after)
            elif key.startswith(prefix) and key > after:
                yield ObjectInfo(key, entry.size_bytes, entry.version, entry.modified_at)

    def _entries(self, folder: str) -> Iterable[Entry]:
        """In the order of the keys below them: a folder sorts by its name and the slash behind it."""
        found = self._files.entries(f"{self._root}/{folder}".rstrip("/"))
        return sorted(found, key=lambda entry: entry.path + ("/" if entry.folder else ""))

    def _written(self, key: str, write: Callable[[], _Result]) -> _Result:
        wait_s = 0.5
        for left in reversed(range(_WRITE_TRIES)):
            try:
                with _translated(self.uri(key)):
                    return write()
            except StoreBusy:
                if not left:
                    raise
            self._pause(wait_s)
            wait_s *= 2
        raise AssertionError("the last try returns or raises")


def checked_root(root: str) -> str:
    """The root as an absolute path. Raises SettingInvalid for one that lies in no volume."""
    plain = root.rstrip("/")
    if not _ROOT.fullmatch(plain) or any(part in (".", "..") for part in plain.split("/")):
        raise SettingInvalid(f"the root {root!r} is no place in a volume: give /Volumes/CATALOG/SCHEMA/VOLUME/PREFIX.")
    return plain.removeprefix("dbfs:")


def connect(root: str, settings: Mapping[str, Any]) -> VolumeStore:
    """The store at a root, with the SDK's own chain of host and credentials.

    settings: `host` and `profile`, both optional. Raises SettingInvalid, ExtraMissing.
    """
    require_sdk(f"the root {root}")
    login = Login(host=str(settings.get("host") or ""), profile=str(settings.get("profile") or ""))
    return VolumeStore(root, Files(Workspace(login)))


@contextmanager
def _translated(where: str) -> Iterator[None]:
    try:
        yield
    except Missing as error:
        raise ObjectMissing(f"no object {where}: it was never written, or deleted ({error}).") from error
    except AccessDenied as error:
        raise StoreDenied(f"{where} is refused: {error} Grant READ VOLUME and WRITE VOLUME.") from error
    except PlatformBusy as error:
        raise StoreBusy(f"{where}: {error}") from error
    except EngineError as error:
        raise StoreError(f"{where}: {error}") from error
