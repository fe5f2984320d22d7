"""Workspace API: files, notebooks and folders of the workspace's tree.

A file imported as `SOURCE` is a notebook, which no Python task can run; `AUTO` and `RAW` import files.
"""

from __future__ import annotations

import base64
import binascii
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engineshed.testing.databricks import shapes
from engineshed.testing.databricks.platform import USER, Platform
from engineshed.testing.databricks.refusals import Refusal, absent, invalid, taken
from engineshed.testing.databricks.routing import Answer, Call, Given, Route

MOST_BYTES = 10 * 1024 * 1024
NOTEBOOK = b"# Databricks notebook source"

_API = shapes.workspace.WorkspaceAPI


class WorkspaceApi:
    """Handlers of `workspace/...`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        for folder in (("Users", USER), ("Shared",)):
            platform.storage.local("/".join(("Workspace", *folder))).mkdir(parents=True, exist_ok=True)

    def routes(self) -> Iterable[Route]:
        """All of them."""
        at, workspace = r"/api/2\.0/workspace/", shapes.workspace
        yield Route("POST", at + "import", self.import_, _API.import_, form=True)
        yield Route("POST", at + "mkdirs", self.mkdirs, _API.mkdirs)
        yield Route("GET", at + "get-status", self.status, _API.get_status, workspace.ObjectInfo)
        yield Route("GET", at + "list", self.list, _API.list, workspace.ListResponse)
        yield Route("GET", at + "export", self.export, _API.export, workspace.ExportResponse, also=("direct_download",))
        yield Route("POST", at + "delete", self.delete, _API.delete)

    def import_(self, call: Call, given: Given) -> Mapping[str, Any]:
        """A file or a notebook, as base64 or as a form."""
        data = given.get("content", b"")
        data = data if isinstance(data, bytes) else _decoded(data)
        if len(data) > MOST_BYTES:
            raise Refusal(
                400,
                "MAX_NOTEBOOK_SIZE_EXCEEDED",
                f"File size imported is ({len(data)} bytes), exceeded max size ({MOST_BYTES} bytes)",
            )
        path = self._platform.storage.workspace(given["path"])
        if not path.parent.is_dir():
            raise absent(f"The parent folder ({Path(given['path']).parent}) does not exist.")
        notebook = _is_notebook(given, data)
        if notebook and given.get("format") == "AUTO":
            path = path.with_suffix("")
        if path.exists() and str(given.get("overwrite", False)).lower() != "true":
            raise taken(f"{given['path']} already exists. Please pass overwrite as true to overwrite it.")
        path.write_bytes(data)
        (self._platform.storage.notebooks.add if notebook else self._platform.storage.notebooks.discard)(path)
        return {}

    def mkdirs(self, call: Call, given: Given) -> Mapping[str, Any]:
        """With parents."""
        path = self._platform.storage.workspace(given["path"])
        if path.is_file():
            raise taken(f"A file exists at {given['path']}.")
        path.mkdir(parents=True, exist_ok=True)
        return {}

    def status(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Of one path."""
        return self._info(self._there(given), given["path"])

    def list(self, call: Call, given: Given) -> Mapping[str, Any]:
        """One level."""
        path = self._there(given)
        if path.is_file():
            return {"objects": [self._info(path, given["path"])]}
        return {"objects": [self._info(p, f"{given['path'].rstrip('/')}/{p.name}") for p in sorted(path.iterdir())]}

    def export(self, call: Call, given: Given) -> Answer | Mapping[str, Any]:
        """Its content, as base64 or as it is."""
        path = self._there(given)
        if path.is_dir():
            raise invalid(f"{given['path']} is a directory.")
        if str(given.get("direct_download", "")).lower() == "true":
            return Answer(path.read_bytes(), headers={"Content-Type": "application/octet-stream"})
        return {"content": base64.b64encode(path.read_bytes()).decode(), "file_type": path.suffix.lstrip(".") or "py"}

    def delete(self, call: Call, given: Given) -> Mapping[str, Any]:
        """A folder that is not empty only with `recursive`."""
        path = self._there(given)
        if path.is_dir():
            if any(path.iterdir()) and not given.get("recursive"):
                raise Refusal(400, "DIRECTORY_NOT_EMPTY", f"Folder ({given['path']}) is not empty")
            shutil.rmtree(path)
        else:
            path.unlink()
            self._platform.storage.notebooks.discard(path)
        return {}

    def _there(self, given: Given) -> Path:
        path = self._platform.storage.workspace(given["path"])
        if not path.exists():
            raise absent(f"Path ({given['path']}) doesn't exist.")
        return path

    def _info(self, path: Path, name: str) -> dict[str, Any]:
        stat = path.stat()
        said = {"path": name, "object_id": stat.st_ino, "modified_at": int(stat.st_mtime * 1000)}
        if path.is_dir():
            return {**said, "object_type": "DIRECTORY"}
        if path in self._platform.storage.notebooks:
            return {**said, "object_type": "NOTEBOOK", "language": "PYTHON"}
        return {**said, "object_type": "FILE", "size": stat.st_size}


def _is_notebook(given: Given, data: bytes) -> bool:
    kind = given.get("format", "SOURCE")
    if kind == "SOURCE" and not given.get("language"):
        raise invalid("The language must be given for format SOURCE.")
    return kind == "SOURCE" or (kind == "AUTO" and data.startswith(NOTEBOOK))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise invalid("content is not base64.") from None
