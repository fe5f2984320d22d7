"""What an order says of data files, those of the partitions that run, and what it refuses without its inputs."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from engineshed.assets.ordering import make_order
from engineshed.model.errors import JobInvalid
from engineshed.model.job import Mode, SampleInput, SparkJob
from engineshed.running.order import Order
from engineshed.running.selection import selection_of
from engineshed.storage.datasets import Datasets
from engineshed.storage.objects import LocalStore
from engineshed.testing.clock import VirtualClock

CRAWLS = dg.MultiPartitionsDefinition(
    {"crawl": dg.StaticPartitionsDefinition(["c1", "c2"]), "domain": dg.StaticPartitionsDefinition(["x", "y"])}
)


@pytest.mark.parametrize(
    ("mode", "places"),
    [(Mode.FULL, ("/full/c2/*.gz", "/full/words.txt")), (Mode.SAMPLE, ("/sample/c2|x.gz",))],
)
def test_a_run_is_given_the_data_files_of_its_own_partitions(
    tmp_path: Path, mode: Mode, places: tuple[str, ...]
) -> None:
    job = SparkJob(
        name="edges",
        script="/edges.py",
        data=("/full/{crawl}/*.gz", "/full/words.txt"),
        sample=SampleInput(data=("/sample/{partition}.gz",)),
    )
    orders: list[Order] = []

    @dg.asset(partitions_def=CRAWLS)
    def edges(context):
        orders.append(_ordered(context, job, mode, tmp_path))

    dg.materialize([edges], partition_key=dg.MultiPartitionKey({"crawl": "c2", "domain": "x"}))
    assert [order.job.data for order in orders] == [places]


@pytest.mark.parametrize(
    ("partitions", "said"),
    [
        (None, "asset 'seeds' has no published version in mode full: materialise it"),
        (dg.StaticPartitionsDefinition(["c1"]), "asset 'seeds' has no published partition 'c1' in mode full: mat"),
    ],
)
def test_an_upstream_that_was_never_published_is_named_with_what_is_missing(
    tmp_path: Path, partitions: dg.PartitionsDefinition[str] | None, said: str
) -> None:
    seeds = dg.AssetSpec("seeds", partitions_def=partitions)

    @dg.asset(deps=[seeds], partitions_def=partitions)
    def edges(context):
        _ordered(context, SparkJob(name="edges", script="/edges.py"), Mode.FULL, tmp_path, dg.AssetKey("seeds"))

    with pytest.raises(JobInvalid, match=said):
        dg.materialize([seeds, edges], selection=["edges"], partition_key="c1" if partitions else None)


def _ordered(context: dg.AssetExecutionContext, job: SparkJob, mode: Mode, root: Path, *inputs: dg.AssetKey) -> Order:
    return make_order(
        context,
        job=job,
        mode=mode,
        selection=selection_of(context),
        inputs=inputs,
        layers=(),
        team="web",
        code_location="web_graph",
        datasets=Datasets(LocalStore(root), VirtualClock()),
        provenance={},
    )
