"""The published content of one partition: immutable, numbered, the highest number is current."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from engineshed.model.job import Mode


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file. `path` is relative to the data root."""

    path: str
    size_bytes: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContent:
    """One table of a commit. `columns` are (name, Arrow type) pairs in order; `dataset_hash` is None where the table is
    larger than the limit up to which it is computed at publish time."""

    name: str
    files: tuple[DataFile, ...]
    columns: tuple[tuple[str, str], ...]
    dataset_hash: str | None

    @property
    def rows(self) -> int:
        """Rows in all files."""
        return sum(f.rows for f in self.files)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(f.size_bytes for f in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRef:
    """Names one commit for ever."""

    asset: str
    partition: str | None
    mode: Mode
    ordinal: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """All tables of one partition, replaced together. `asset` is the key's parts joined by `/`."""

    asset: str
    partition: str | None
    mode: Mode
    ordinal: int
    token: str
    created_at: datetime
    tables: tuple[TableContent, ...]
    upstream: tuple[CommitRef, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def table(self, name: str) -> TableContent:
        """The table of that name. Raises KeyError naming those there are."""
        for table in self.tables:
            if table.name == name:
                return table
        there = ", ".join(t.name for t in self.tables)
        raise KeyError(f"asset {self.asset!r} has no table {name!r}: it has {there}.")

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` of storage.commits reads it back."""
        plain = asdict(self)
        plain["created_at"] = self.created_at.isoformat()
        return plain

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON."""
        text = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def ref(self) -> CommitRef:
        """The name of this commit."""
        return CommitRef(
            asset=self.asset, partition=self.partition, mode=self.mode, ordinal=self.ordinal, digest=self.digest
        )
