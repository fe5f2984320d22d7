"""Bodies of `multipart/form-data`, which the SDK sends for workspace files and for DBFS."""

from __future__ import annotations

import io
from typing import Any

from werkzeug.formparser import parse_form_data

from engineshed.testing.databricks.routing import Call


def form_of(call: Call) -> dict[str, Any]:
    """Fields as text, files as bytes; empty for a body that is no form."""
    kind = call.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        return {}
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(call.body)),
        "wsgi.input": io.BytesIO(call.body),
    }
    _, fields, files = parse_form_data(environ)
    return {**fields.to_dict(), **{name: file.read() for name, file in files.items()}}
