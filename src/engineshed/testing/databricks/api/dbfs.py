"""DBFS API, with its limits: a read gives half a megabyte unless asked for more and one at most; a write takes one at
most.

New accounts have no DBFS root; `Limits(dbfs=False)` is such a workspace.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engineshed.testing.databricks import shapes
from engineshed.testing.databricks.platform import Platform
from engineshed.testing.databricks.refusals import Refusal, absent, denied, invalid, taken
from engineshed.testing.databricks.routing import Call, Given, Handler, Route

READ_BYTES = 512 * 1024
MOST_BYTES = 1024 * 1024

_API = shapes.files.DbfsAPI


class DbfsApi:
    """Handlers of `dbfs/...`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._handles: dict[int, Path] = {}
        self._numbers = itertools.count(1)

    def routes(self) -> Iterable[Route]:
        """All of them."""
        files = shapes.files
        for method, name, handler, takes, gives in (
            ("POST", "put", self.put, _API.put, None),
            ("POST", "create", self.create, _API.create, files.CreateResponse),
            ("POST", "add-block", self.add_block, _API.add_block, None),
            ("POST", "close", self.close, _API.close, None),
            ("GET", "read", self.read, _API.read, files.ReadResponse),
            ("GET", "list", self.list, _API.list, files.ListStatusResponse),
            ("GET", "get-status", self.status, _API.get_status, files.FileInfo),
            ("POST", "mkdirs", self.mkdirs, _API.mkdirs, None),
            ("POST", "delete", self.delete, _API.delete, None),
        ):
            handle = self._where_there_is_dbfs(handler)
            yield Route(method, rf"/api/2\.0/dbfs/{name}", handle, takes, gives, form=name == "put")

    def _where_there_is_dbfs(self, handler: Handler) -> Handler:
        def handle(call: Call, given: Given) -> Any:
            if not self._platform.limits.dbfs:
                raise denied("Public DBFS root is disabled. Access is denied on path: /")
            return handler(call, given)

        return handle

    def put(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Whole: as base64 up to a megabyte, or as a form of any size."""
        contents = given.get("contents", b"")
        data = contents if isinstance(contents, bytes) else _decoded(contents)
        if isinstance(contents, str) and len(data) > MOST_BYTES:
            raise _too_big("MAX_BLOCK_SIZE_EXCEEDED", len(data))
        path = self._new(given)
        path.write_bytes(data)
        return {}

    def create(self, call: Call, given: Given) -> Mapping[str, Any]:
        """A handle to write by."""
        handle = next(self._numbers)
        self._handles[handle] = self._new(given)
        self._handles[handle].write_bytes(b"")
        return {"handle": handle}

    def _new(self, given: Given) -> Path:
        path = self._platform.storage.dbfs(given["path"])
        if path.is_dir() or (path.exists() and str(given.get("overwrite", False)).lower() != "true"):
            raise taken(f"A file or directory already exists at the input path {given['path']}.")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def add_block(self, call: Call, given: Given) -> Mapping[str, Any]:
        """A megabyte more."""
        data = _decoded(given["data"])
        if len(data) > MOST_BYTES:
            raise _too_big("MAX_BLOCK_SIZE_EXCEEDED", len(data))
        with self._handle(given).open("ab") as file:
            file.write(data)
        return {}

    def close(self, call: Call, given: Given) -> Mapping[str, Any]:
        """The handle is known no more."""
        self._handle(given)
        del self._handles[given["handle"]]
        return {}

    def _handle(self, given: Given) -> Path:
        if given["handle"] not in self._handles:
            raise absent(f"No stream found for handle {given['handle']}.")
        return self._handles[given["handle"]]

    def read(self, call: Call, given: Given) -> Mapping[str, Any]:
        """From an offset, half a megabyte unless asked otherwise."""
        path, offset, length = self._there(given), given.get("offset", 0), given.get("length", READ_BYTES)
        if path.is_dir() or offset < 0 or length < 0:
            raise invalid("The path is a directory, or offset or length is negative.")
        if length > MOST_BYTES:
            raise _too_big("MAX_READ_SIZE_EXCEEDED", length)
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(length)
        return {"bytes_read": len(data), "data": base64.b64encode(data).decode()}

    def list(self, call: Call, given: Given) -> Mapping[str, Any]:
        """One level; of a file, itself."""
        path = self._there(given)
        plain = "/" + given["path"].removeprefix("dbfs:").strip("/")
        if path.is_file():
            return {"files": [_info(path, plain)]}
        return {"files": [_info(p, f"{plain.rstrip('/')}/{p.name}") for p in sorted(path.iterdir())]}

    def status(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Of one path."""
        return _info(self._there(given), "/" + given["path"].removeprefix("dbfs:").strip("/"))

    def mkdirs(self, call: Call, given: Given) -> Mapping[str, Any]:
        """With parents."""
        path = self._platform.storage.dbfs(given["path"])
        if path.is_file():
            raise taken(f"A file exists at {given['path']}.")
        path.mkdir(parents=True, exist_ok=True)
        return {}

    def delete(self, call: Call, given: Given) -> Mapping[str, Any]:
        """No error when it is gone."""
        path = self._platform.storage.dbfs(given["path"])
        if path.is_dir():
            if any(path.iterdir()) and not given.get("recursive"):
                raise Refusal(400, "IO_ERROR", f"The directory {given['path']} is not empty.")
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        return {}

    def _there(self, given: Given) -> Path:
        path = self._platform.storage.dbfs(given["path"])
        if not path.exists():
            raise absent(f"No file or directory exists on path {given['path']}.")
        return path


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise invalid("contents is not base64.") from None


def _too_big(code: str, size: int) -> Refusal:
    return Refusal(400, code, f"{size} bytes exceed the maximum of {MOST_BYTES} bytes.")


def _info(path: Path, name: str) -> dict[str, Any]:
    stat = path.stat()
    size = 0 if path.is_dir() else stat.st_size
    return {"path": name, "is_dir": path.is_dir(), "file_size": size, "modification_time": int(stat.st_mtime * 1000)}
