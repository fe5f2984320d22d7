"""Every example of docs/reading.md runs, and none of the readers it names sees rows that were replaced."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import engineshed
from engineshed.model.errors import ObjectMissing
from engineshed.model.job import Mode
from engineshed.running.system_clock import SystemClock
from engineshed.storage.datasets import Datasets
from engineshed.storage.objects import open_store

PAGE = Path(__file__).parents[3] / "docs" / "reading.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
PARTITION = "SAMPLE-2025-08|databases"


def _publish(root: Path, ordinal: int, rows: list[tuple[str, str]]) -> None:
    datasets = Datasets(open_store(str(root), {}), SystemClock())
    table = pa.table(
        {"src_url": [s for s, _ in rows], "dst_url": [f"{s}#x" for s, _ in rows], "kind": [k for _, k in rows]}
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    token = f"es-{ordinal}"
    for name in ("links", "pages"):
        datasets.write_file("edges", PARTITION, Mode.SAMPLE, token, name, buffer.getvalue())
    contents = datasets.collect("edges", PARTITION, Mode.SAMPLE, token, ("links", "pages"))
    datasets.publish(
        asset="edges",
        partition=PARTITION,
        mode=Mode.SAMPLE,
        ordinal=ordinal,
        token=token,
        contents=contents,
        upstream=(),
        provenance={},
    )


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    before = dict(os.environ)
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer()
    server.start()
    os.environ.pop("SPARK_REMOTE", None)
    session = SparkSession.builder.remote(f"sc://localhost:{server.listening_address[1]}").getOrCreate()
    yield session
    session.stop()
    server.stop()
    os.environ.clear()  # pyspark leaves its remote there, and the drivers that other tests start would inherit it
    os.environ.update(before)


def test_the_examples_run_and_see_only_the_newest_rows(tmp_path: Path, spark: Any) -> None:
    _publish(tmp_path, 1, [("http://old.example/", "img")] * 3)
    _publish(tmp_path, 2, [("http://a.example/", "a"), ("http://b.example/", "a"), ("http://c.example/", "link")])
    names: dict[str, Any] = {"root": str(tmp_path), "spark": spark}
    for example in EXAMPLES:
        exec(compile(example, str(PAGE), "exec"), names)
    assert names["links"].commit.ordinal == 2
    assert names["table"].column("src_url").to_pylist() == [f"http://{h}.example/" for h in "abc"]
    assert len(names["frame"]) == 3
    assert names["lazily"] == 3
    assert names["top"] == [("a", 2), ("link", 1)]
    assert names["kinds"].rows() == [("a", 2), ("link", 1)]
    assert {row["kind"]: row["count"] for row in names["by_kind"]} == {"a": 2, "link": 1}
    assert names["commit"].ordinal == 2
    first = engineshed.open("edges", PARTITION, table="links", mode="sample", root=str(tmp_path), ordinal=1)
    assert first.to_arrow().column("kind").to_pylist() == ["img"] * 3


def test_a_reader_that_has_started_is_not_disturbed(tmp_path: Path) -> None:
    _publish(tmp_path, 1, [("http://old.example/", "img")])
    opened = engineshed.open("edges", PARTITION, table="links", mode="sample", root=str(tmp_path))
    _publish(tmp_path, 2, [("http://new.example/", "a")])
    assert opened.to_arrow().column("kind").to_pylist() == ["img"]


def test_what_is_not_there_is_said_with_what_is(tmp_path: Path) -> None:
    _publish(tmp_path, 1, [("http://old.example/", "img")])
    root = str(tmp_path)
    with pytest.raises(ObjectMissing, match=r"no published partition 'x' in mode sample. Published: SAMPLE-2025-08"):
        engineshed.open("edges", "x", table="links", mode="sample", root=root)
    with pytest.raises(
        ObjectMissing, match=r"'edges' has no published version without a partition in mode sample. Pub"
    ):
        engineshed.open("edges", mode="sample", root=root)
    with pytest.raises(ObjectMissing, match="in mode full"):
        engineshed.open("edges", PARTITION, table="links", root=root)
    with pytest.raises(ObjectMissing, match="ordinal 7"):
        engineshed.open("edges", PARTITION, table="links", mode="sample", root=root, ordinal=7)
    with pytest.raises(KeyError, match="several tables, name one: links, pages"):
        engineshed.open("edges", PARTITION, mode="sample", root=root)
    with pytest.raises(KeyError, match="no table 'lnks'"):
        engineshed.open("edges", PARTITION, table="lnks", mode="sample", root=root)
