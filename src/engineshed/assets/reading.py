"""How a person reads what was published: `engineshed.open`. Only whole, current partitions are seen, never
overwritten rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engineshed.model.commit import Commit
from engineshed.model.errors import ObjectMissing
from engineshed.model.job import Mode
from engineshed.running.system_clock import SystemClock
from engineshed.storage.datasets import Datasets
from engineshed.storage.objects import open_store

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One table of one published partition.

    `files` are Parquet paths or URIs for DuckDB, Polars or Spark; they never change under a reader.
    """

    commit: Commit
    table: str
    datasets: Datasets

    @property
    def files(self) -> list[str]:
        """Parquet files, in order."""
        return self.datasets.files(self.commit, self.table)

    @property
    def dataset_hash(self) -> str:
        """The content hash, as published or computed now."""
        known = self.commit.table(self.table).dataset_hash
        return known if known is not None else self.datasets.compute_hash(self.commit, self.table)

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows as an Arrow table."""
        return self.datasets.read(self.commit, self.table, columns)

    def dataset(self) -> ds.Dataset:
        """The rows as an Arrow dataset, read lazily."""
        return self.datasets.dataset(self.commit, self.table)


def open_table(
    asset: str,
    partition: str | None = None,
    *,
    root: str,
    table: str | None = None,
    mode: str = "full",
    ordinal: int | None = None,
    endpoint_url: str | None = None,
) -> Opened:
    """One table of a published partition.

    asset: key parts joined by `/`. root: the data root (a folder or s3://bucket/prefix). table: may be left out where
    the asset has one. ordinal: an older commit, for repeating a result. Raises ObjectMissing naming what is
    published, KeyError naming the tables there are.
    """
    store = open_store(root, {"endpoint_url": endpoint_url} if endpoint_url else {})
    datasets = Datasets(store, SystemClock())
    commit = _commit(datasets, asset, partition, Mode(mode), ordinal)
    names = [t.name for t in commit.tables]
    if table is None and len(names) > 1:
        raise KeyError(f"asset {asset!r} has several tables, name one: {', '.join(names)}.")
    name = table or names[0]
    commit.table(name)
    return Opened(commit=commit, table=name, datasets=datasets)


def _commit(datasets: Datasets, asset: str, partition: str | None, mode: Mode, ordinal: int | None) -> Commit:
    if ordinal is None:
        commit = datasets.latest(asset, partition, mode)
    else:
        commit = next((c for c in datasets.history(asset, partition, mode) if c.ordinal == ordinal), None)
    if commit is None:
        there = [p or "(unpartitioned)" for p in datasets.partitions(asset, mode)]
        lacks = (
            "no published version without a partition" if partition is None else f"no published partition {partition!r}"
        )
        raise ObjectMissing(
            f"asset {asset!r} has {lacks} in mode {mode}"
            + (f" with ordinal {ordinal}" if ordinal is not None else "")
            + f". Published: {', '.join(there) or 'nothing'}."
        )
    return commit
