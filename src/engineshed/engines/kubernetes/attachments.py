"""What does not fit into variables, or cannot come from an exchange: the run's ConfigMap.

Refuses more than a ConfigMap holds, and staged files that are no longer what was staged.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from engineshed.model.errors import JobInvalid

LARGEST_BYTES = 900 * 1024
"""The API server takes 1 MiB of data; the rest is left to names and labels."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


def config_map(token: str, attachments: Mapping[str, Any], owner: Mapping[str, Any]) -> dict[str, Any]:
    """The ConfigMap, owned by the run, so that it goes with it. Reads the staged files. Raises JobInvalid."""
    texts: Mapping[str, str] = attachments["texts"]
    archive = zipped(attachments["archive"]) if attachments["archive"] else b""
    size = len(archive) + sum(len(text.encode()) for text in texts.values())
    if size > LARGEST_BYTES:
        raise JobInvalid(
            f"run {token}: its files and context are {size} bytes, and a ConfigMap holds {LARGEST_BYTES}: "
            "give the location an exchange (exchange_root, or a data_root in an object store)."
        )
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": token,
            "labels": dict(attachments["labels"]),
            "ownerReferences": [
                {
                    "apiVersion": owner["apiVersion"],
                    "kind": owner["kind"],
                    "name": owner["metadata"]["name"],
                    "uid": owner["metadata"]["uid"],
                    "controller": True,
                }
            ],
        },
        "immutable": True,
        **({"data": dict(texts)} if texts else {}),
        **({"binaryData": {"files.zip": base64.b64encode(archive).decode()}} if archive else {}),
    }


def zipped(files: Sequence[Mapping[str, str]]) -> bytes:
    """The staged files as one archive; the same files give the same bytes. Raises JobInvalid."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(files, key=lambda file: file["name"]):
            path = Path(_path(file["uri"]))
            try:
                data = path.read_bytes()
            except OSError as error:
                raise JobInvalid(f"the staged file {path} cannot be read: {error}. Launch it anew.") from error
            if hashlib.sha256(data).hexdigest() != file["sha256"]:
                raise JobInvalid(f"{path} has changed since it was staged: launch the job anew.")
            archive.writestr(zipfile.ZipInfo(file["name"], _EPOCH), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _path(uri: str) -> str:
    parts = urlsplit(uri)
    return unquote(parts.path) if parts.scheme else uri
