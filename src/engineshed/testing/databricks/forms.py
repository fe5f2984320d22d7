"""Bodies of `multipart/form-data`, which the SDK sends for workspace files and for DBFS."""

from __future__ import annotations

import io
from typing import Any

from werkzeug.formparser import parse_form_data


def form_of(kind: str, body: bytes) -> dict[str, Any]:
    """Fields as text, files as bytes; empty for a body that is no form. kind: its content type."""
    if not kind.startswith("multipart/form-data"):
        return {}
    length = str(len(body))
    environ = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": kind, "CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(body)}
    _, fields, files = parse_form_data(environ)
    found: dict[str, Any] = fields.to_dict()
    for name, file in files.items():
        with file.stream:
            found[name] = file.read()
    return found
