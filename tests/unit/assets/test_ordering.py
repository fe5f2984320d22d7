"""What an order says of data files: those of the partitions that run."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from engineshed.assets.ordering import make_order
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
        orders.append(
            make_order(
                context,
                job=job,
                mode=mode,
                selection=selection_of(context),
                inputs=(),
                layers=(),
                team="web",
                code_location="web_graph",
                datasets=Datasets(LocalStore(tmp_path), VirtualClock()),
                provenance={},
            )
        )

    dg.materialize([edges], partition_key=dg.MultiPartitionKey({"crawl": "c2", "domain": "x"}))
    assert [order.job.data for order in orders] == [places]
