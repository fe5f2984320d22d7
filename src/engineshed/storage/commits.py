"""Commits as objects: immutable JSON, read back to the very value that was written.

Refuses a commit in a format that a newer engineshed wrote.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engineshed.model.commit import Commit, CommitRef, DataFile, TableContent
from engineshed.model.errors import StoreError
from engineshed.model.job import Mode

_FORMAT = 1


def to_bytes(commit: Commit) -> bytes:
    """The object's content."""
    plain = {"format": _FORMAT, **commit.to_json()}
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, indent=1, default=str).encode()


def from_bytes(data: bytes, where: str) -> Commit:
    """The commit in an object. `where` names it in errors. Raises StoreError."""
    try:
        plain = json.loads(data)
        if plain["format"] != _FORMAT:
            raise StoreError(
                f"commit {where} has format {plain['format']}, this engineshed reads {_FORMAT}: upgrade it."
            )
        return from_json(plain)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{where} is no commit ({error!r}): something else wrote it, move it away.") from error


def from_json(plain: Mapping[str, Any]) -> Commit:
    """The inverse of `Commit.to_json`."""
    return Commit(
        asset=plain["asset"],
        partition=plain["partition"],
        mode=Mode(plain["mode"]),
        ordinal=plain["ordinal"],
        token=plain["token"],
        created_at=datetime.fromisoformat(plain["created_at"]),
        tables=tuple(_table(table) for table in plain["tables"]),
        upstream=tuple(CommitRef(**{**ref, "mode": Mode(ref["mode"])}) for ref in plain["upstream"]),
        provenance=plain["provenance"],
    )


def as_json(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping as it will be read back, so that a commit's digest is the same before and after."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(provenance), default=str))
    return plain


def _table(plain: Mapping[str, Any]) -> TableContent:
    return TableContent(
        name=plain["name"],
        files=tuple(DataFile(**file) for file in plain["files"]),
        columns=tuple((name, kind) for name, kind in plain["columns"]),
        dataset_hash=plain["dataset_hash"],
    )
