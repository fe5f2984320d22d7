"""Puts files where drivers find them that no exchange holds: below the code folder, by content, once.

Workspace files by default, or a volume, or DBFS where somebody asks for it. A path names its content, so a file that is
there is never written again, and versions never meet. Refuses bytes that are not those that were staged, and what a
place does not take.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from engineshed.engines.databricks.names import NAME
from engineshed.model.errors import JobInvalid, ObjectMissing, PlatformBusy, StoreBusy, StoreError
from engineshed.ports.store import ObjectStore
from engineshed.workspace import Files, Missing, Taken, Workspace

_IMPORT_BYTES = 10 * 10**6
"""Of one import. Source: the Workspace API's page on `import`."""
_DBFS_BYTES = 10**6
"""Of one put without a handle. Source: the DBFS API's page on `put`."""


class CodeFolder:
    """Uploads of one engine."""

    def __init__(self, workspace: Workspace, files: Files, exchange: ObjectStore | None) -> None:
        self._workspace, self._files, self._exchange = workspace, files, exchange
        self._there: set[str] = set()

    def put(self, upload: Mapping[str, str]) -> None:
        """One file, unless it is there. Raises JobInvalid, PlatformBusy, and what the workspace raises."""
        path = upload["path"]
        if path in self._there:
            return
        data = self._staged(upload["uri"])
        if hashlib.sha256(data).hexdigest() != upload["sha256"]:
            raise JobInvalid(f"{upload['uri']} has changed since it was staged: launch the job anew.")
        self._write(path, data)
        self._there.add(path)

    def put_text(self, address: str, text: str) -> None:
        """What stands beside the messages of a run, in a volume or in the exchange; the first to write it wins."""
        if address.startswith("/Volumes/"):
            self._files.put_if_absent(address, text.encode())
            return
        if self._exchange is None or not address.startswith(f"{self._exchange.root}/"):
            raise JobInvalid(f"{address} lies in no exchange of this location: set exchange_root, or channels.volumes.")
        try:
            self._exchange.put_if_absent(address.removeprefix(f"{self._exchange.root}/"), text.encode())
        except StoreBusy as error:
            raise PlatformBusy(f"{error}") from error

    def _staged(self, uri: str) -> bytes:
        try:
            if self._exchange is not None and uri.startswith(f"{self._exchange.root}/"):
                return self._exchange.get(uri.removeprefix(f"{self._exchange.root}/"))
            return Path(unquote(urlsplit(uri).path) if "://" in uri else uri).read_bytes()
        except StoreBusy as error:
            raise PlatformBusy(f"{error}") from error
        except (ObjectMissing, StoreError, OSError) as error:
            raise JobInvalid(f"the staged file {uri} cannot be read ({error}): launch the job anew.") from error

    def _write(self, path: str, data: bytes) -> None:
        if path.startswith("/Volumes/"):
            self._files.put_if_absent(path, data)
        elif path.startswith("dbfs:/"):
            self._put(path, data, _DBFS_BYTES, "/api/2.0/dbfs/put", {"contents": _base64(data), "overwrite": False})
        else:
            # RAW, since a script that begins like an exported notebook would become one otherwise.
            body = {"content": _base64(data), "format": "RAW", "overwrite": False}
            self._put(path, data, _IMPORT_BYTES, "/api/2.0/workspace/import", body)

    def _put(self, path: str, data: bytes, most_bytes: int, api: str, body: Mapping[str, Any]) -> None:
        if len(data) > most_bytes:
            raise JobInvalid(
                f"{path} would be {len(data)} bytes, and a file there may have {most_bytes}: set an exchange_root in a "
                f"volume, or engines.{NAME}.code_folder to a folder of one."
            )
        try:
            try:
                self._workspace.post(api, {"path": path, **body})
            except Missing:
                parent = path.rpartition("/")[0]
                folders = "/api/2.0/dbfs/mkdirs" if path.startswith("dbfs:") else "/api/2.0/workspace/mkdirs"
                self._workspace.post(folders, {"path": parent})
                self._workspace.post(api, {"path": path, **body})
        except Taken:
            return


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
