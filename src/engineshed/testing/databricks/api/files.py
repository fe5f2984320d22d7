"""Files API: files and directories of Unity Catalog volumes, whole or by range."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

from engineshed.testing.databricks import shapes
from engineshed.testing.databricks.api.paging import page
from engineshed.testing.databricks.platform import Platform
from engineshed.testing.databricks.refusals import Refusal, invalid
from engineshed.testing.databricks.routing import Answer, Call, Given, Route

MAX_BYTES = 5 * 1024**3
FEATURE_OFF = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "FILES_API_API_IS_NOT_ENABLED",
    "domain": "filesystem.databricks.com",
}


class FilesApi:
    """Handlers of `fs/files` and `fs/directories`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> Iterable[Route]:
        """All of them. Presigned URLs are not enabled here; the SDK then transfers through the API itself."""
        file, directory = r"/api/2\.0/fs/files(/.*)", r"/api/2\.0/fs/directories(/.*)"
        yield Route("PUT", file, self.put)
        yield Route("GET", file, self.get)
        yield Route("HEAD", file, self.head)
        yield Route("DELETE", file, self.delete)
        yield Route("POST", file, self.in_parts)
        yield Route("PUT", directory, self.make_directory)
        yield Route("GET", directory, self.list, None, shapes.files.ListDirectoryResponse)
        yield Route("HEAD", directory, self.head_directory)
        yield Route("DELETE", directory, self.delete_directory)
        yield Route("POST", r"/api/2\.0/fs/create-.*-url.*", self.presigned)

    def put(self, call: Call, given: Given) -> Answer:
        """Write whole; readers see the old file or the new one. Missing directories are made."""
        path = self._path(call)
        if len(call.body) > MAX_BYTES:
            raise invalid("The file is larger than 5 GiB.")
        if path.is_dir():
            raise Refusal(409, "ALREADY_EXISTS", f"A directory exists at {call.parts[0]}.")
        if path.exists() and given.get("overwrite", "false") != "true":
            raise Refusal(
                409, "ALREADY_EXISTS", f"The file at {call.parts[0]} already exists and overwrite is not set."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        part = self._platform.storage.root / f".part-{secrets.token_hex(8)}"
        part.write_bytes(call.body)
        part.replace(path)
        return Answer(status=204)

    def get(self, call: Call, given: Given) -> Answer:
        """Whole, or the bytes of a Range."""
        path = self._file(call)
        headers = _metadata(path)
        since = call.headers.get("if-unmodified-since")
        if since and int(path.stat().st_mtime) > parsedate_to_datetime(since).timestamp():
            raise Refusal(412, "FAILED_PRECONDITION", f"{call.parts[0]} was modified.")
        wanted = call.headers.get("range")
        if not wanted:
            return Answer(path.read_bytes(), headers=headers)
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start, end = _range(wanted, size)
            file.seek(start)
            body = file.read(end - start)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        headers["Content-Length"] = str(len(body))
        return Answer(body, 206, headers)

    def head(self, call: Call, given: Given) -> Answer:
        """Size, type and time."""
        return Answer(headers=_metadata(self._file(call)))

    def delete(self, call: Call, given: Given) -> Answer:
        """404 when it is gone."""
        self._file(call).unlink()
        return Answer(status=204)

    def in_parts(self, call: Call, given: Given) -> Mapping[str, Any]:
        """An upload in parts may begin, and goes no further: its parts would need presigned URLs."""
        self._path(call)
        if given.get("action") != "initiate-upload":
            return self.presigned(call, given)
        return {"multipart_upload": {"session_token": secrets.token_hex(8)}}

    def presigned(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Not enabled."""
        raise Refusal(403, "PERMISSION_DENIED", "Presigned URLs API is not enabled.", details=(FEATURE_OFF,))

    def make_directory(self, call: Call, given: Given) -> Answer:
        """With its parents; no error when it is there."""
        path = self._path(call)
        if path.is_file():
            raise Refusal(409, "ALREADY_EXISTS", f"A file exists at {call.parts[0]}.")
        path.mkdir(parents=True, exist_ok=True)
        return Answer(status=204)

    def list(self, call: Call, given: Given) -> Mapping[str, Any]:
        """One level, in pages."""
        path = self._directory(call)
        size = min(int(given.get("page_size") or 1000), self._platform.limits.entries)
        shown, token = page(sorted(os.scandir(path), key=lambda e: e.name), size, given.get("page_token"))
        said: dict[str, Any] = {"contents": [_entry(e, call.parts[0].rstrip("/")) for e in shown]}
        return {**said, **({"next_page_token": token} if token else {})}

    def head_directory(self, call: Call, given: Given) -> Answer:
        """Whether it is there."""
        self._directory(call)
        return Answer()

    def delete_directory(self, call: Call, given: Given) -> Answer:
        """Only an empty one."""
        path = self._directory(call)
        if any(path.iterdir()):
            raise invalid(f"The directory {call.parts[0]} is not empty.")
        path.rmdir()
        return Answer(status=204)

    def _path(self, call: Call) -> Path:
        return self._platform.storage.volume(call.parts[0])

    def _file(self, call: Call) -> Path:
        path = self._path(call)
        if not path.is_file():
            raise Refusal(404, "NOT_FOUND", f"The file being accessed is not found: {call.parts[0]}.")
        return path

    def _directory(self, call: Call) -> Path:
        path = self._path(call)
        if not path.is_dir():
            raise Refusal(404, "NOT_FOUND", f"The directory being accessed is not found: {call.parts[0]}.")
        return path


def _metadata(path: Path) -> dict[str, str]:
    stat = path.stat()
    modified = format_datetime(datetime.fromtimestamp(int(stat.st_mtime), UTC), usegmt=True)
    return {"Content-Length": str(stat.st_size), "Content-Type": "application/octet-stream", "Last-Modified": modified}


def _range(text: str, size: int) -> tuple[int, int]:
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", text)
    if match is None or match.groups() == ("", ""):
        raise invalid(f"Range {text!r} is not understood.")
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= size or start >= end:
        raise Refusal(416, "OUT_OF_RANGE", f"Range {text!r} is outside a file of {size} bytes.")
    return start, end


def _entry(entry: os.DirEntry[str], parent: str) -> dict[str, Any]:
    stat = entry.stat()
    said = {"path": f"{parent}/{entry.name}", "name": entry.name, "is_directory": entry.is_dir()}
    said["last_modified"] = int(stat.st_mtime * 1000)
    if not entry.is_dir():
        said["file_size"] = stat.st_size
    return said
