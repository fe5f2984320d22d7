"""Data checks over real Parquet, before publication."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engineshed import has_rows, is_unique, no_dangling
from engineshed.assets.checks import PartitionTables
from engineshed.model.job import Mode
from engineshed.storage.datasets import Datasets
from engineshed.storage.objects import open_store
from engineshed.testing.clock import VirtualClock


def _write(datasets: Datasets, asset: str, tables: dict[str, pa.Table]) -> PartitionTables:
    for name, table in tables.items():
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        datasets.write_file(asset, "p", Mode.FULL, "es-1", name, buffer.getvalue())
    contents = datasets.collect(asset, "p", Mode.FULL, "es-1", tuple(tables))
    return PartitionTables(partition="p", contents={c.name: c for c in contents}, upstream=(), datasets=datasets)


@pytest.fixture
def datasets(tmp_path: Path) -> Datasets:
    return Datasets(open_store(str(tmp_path), {}), VirtualClock())


def test_rows_uniqueness_and_dangling_values(datasets: Datasets) -> None:
    links = pa.table({"src": ["a", "a", "b"], "dst": ["b", "b", "c"]})
    nodes = pa.table({"domain": pa.array(["a", "b"], pa.large_string())})
    tables = _write(datasets, "edges", {"links": links, "nodes": nodes})
    assert has_rows("links").over([tables]).passed
    assert not has_rows("links", at_least=4).over([tables]).passed
    unique = is_unique("links", ["src", "dst"]).over([tables])
    assert not unique.passed
    assert unique.metadata["duplicates"] == 1
    assert no_dangling("links", "src", of_table="nodes", of_column="domain").over([tables]).passed
    dangling = no_dangling("links", "dst", of_table="nodes", of_column="domain").over([tables])
    assert not dangling.passed
    assert dangling.metadata["examples"] == ["c"]


def test_an_upstream_asset_is_read_as_the_job_read_it(datasets: Datasets) -> None:
    up = _write(datasets, "nodes_only", {"nodes": pa.table({"domain": ["a", "b"]})})
    commit = datasets.publish(
        asset="nodes_only",
        partition="p",
        mode=Mode.FULL,
        ordinal=1,
        token="es-1",
        contents=list(up.contents.values()),
        upstream=(),
        provenance={},
    )
    own = _write(datasets, "graph", {"graph": pa.table({"dst": ["a", "z"]})})
    tables = PartitionTables(partition="p", contents=own.contents, upstream=(commit.ref,), datasets=datasets)
    check = no_dangling("graph", "dst", of_asset="nodes_only", of_table="nodes", of_column="domain", blocking=False)
    outcome = check.over([tables])
    assert outcome.metadata["examples"] == ["z"]
    assert not outcome.blocking


def test_a_check_over_several_partitions_passes_only_where_all_do(datasets: Datasets) -> None:
    good = _write(datasets, "edges", {"links": pa.table({"src": ["a"]})})
    empty = _write(datasets, "other", {"links": pa.table({"src": pa.array([], pa.string())})})
    bad = PartitionTables(partition="q", contents=empty.contents, upstream=(), datasets=datasets)
    outcome = has_rows("links").over([good, bad])
    assert not outcome.passed
    assert "fails for q" in outcome.description
    rows = {partition: found["rows"] for partition, found in outcome.metadata["by_partition"].items()}
    assert rows == {"p": 1, "q": 0}
