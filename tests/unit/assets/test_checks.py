"""Data checks over real Parquet, before publication."""

from __future__ import annotations

import io
from dataclasses import replace
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


def test_a_failure_says_what_was_found_and_what_was_wanted(datasets: Datasets) -> None:
    links = pa.table({"src": ["a", "a", "a", "b"], "dst": ["b", "b", "b", "c"]})
    tables = _write(datasets, "edges", {"links": links, "nodes": pa.table({"domain": ["a", "b"]})})
    assert has_rows("links", at_least=99_999).over([tables]).description == (
        "links has at least 99999 rows; p: 4 rows, at least 99999 are wanted"
    )
    assert is_unique("links", ["src", "dst"]).over([tables]).description == (
        "src, dst unique in links; p: 2 of 4 rows repeat another, such as {'src': 'a', 'dst': 'b'} (3 times)"
    )
    assert no_dangling("links", "dst", of_table="nodes", of_column="domain").over([tables]).description == (
        "links.dst is in this asset.nodes.domain; p: 1 of 2 values are not, such as 'c'"
    )


def test_without_partitions_the_fact_stands_alone_and_many_are_cut_short(datasets: Datasets) -> None:
    tables = _write(datasets, "edges", {"links": pa.table({"src": ["a"]})})
    check = has_rows("links", at_least=2)
    alone = check.over([replace(tables, partition=None)]).description
    assert alone == "links has at least 2 rows; 1 rows, at least 2 are wanted"
    many = check.over([replace(tables, partition=f"p{n}") for n in range(8)]).description
    assert "p4: 1 rows" in many
    assert many.endswith("; and 3 partitions more")


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
    assert outcome.description.endswith("; q: 0 rows, at least 1 are wanted")
    rows = {partition: found["rows"] for partition, found in outcome.metadata["by_partition"].items()}
    assert rows == {"p": 1, "q": 0}
