"""A job whose driver and executors share nothing with its launcher but an object store.

Its code and its data file go there, Spark reads and writes s3:// addresses on executors, messages come back, and the
tables are those that an engine of this machine makes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.clusters import engine_settings, namespace
from tests.integration.exchange.object_store import BUCKET, CREDENTIALS, INSIDE, SECRET, object_store

from engineshed.model.job import Mode, SparkJob
from engineshed.model.objective import Layer, Objective
from engineshed.model.partition import PartitionSelection
from engineshed.model.resources import Resources
from engineshed.running.opening import open_shed
from engineshed.running.order import Order
from engineshed.running.result import Result
from engineshed.running.route import Route
from engineshed.running.settings import LocationSettings, PlatformSettings
from engineshed.running.shed import Shed
from engineshed.running.standalone import StandaloneStep

pytestmark = pytest.mark.needs_cluster

SCRIPT = """
import engineshed_driver
import shouting
from pyspark.sql import functions as F

with engineshed_driver.open_job("words") as job:
    [place] = job.places(job.settings["text"])
    job.report({"place": place})
    lines = job.session.read.text(place if "://" in place else f"file://{place}")
    words = lines.select(F.explode(F.split("value", " ")).alias("word")).repartition(2)
    kept = job.checkpoint("shouted", words.mapInArrow(shouting.shout, "word string"))
    job.write("words", kept)
    job.write("none", kept.filter("word = 'nowhere'"))
"""

MODULE = """
import pyarrow as pa
import pyarrow.compute as pc


def shout(batches):
    for batch in batches:
        yield pa.RecordBatch.from_arrays([pc.utf8_upper(batch.column(0))], ["word"])
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[str, str]]:
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG names no cluster")
    with namespace() as name, object_store(name) as address:
        yield name, address


@pytest.fixture
def shed(cluster: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shed:
    name, address = cluster
    # The same store has another name on each side, so each finds it by its own variable.
    for variable, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": address}.items():
        monkeypatch.setenv(variable, value)
    settings = engine_settings(name, env={"AWS_ENDPOINT_URL": INSIDE}, env_from_secrets=[SECRET], grace_s=10)
    location = LocationSettings.model_validate(
        {
            "team": "words",
            "code_location": "words",
            "store": {"region": "us-east-1"},
            "engines": {"kubernetes": settings},
        }
    )
    home = tmp_path / "home"
    return open_shed(location, PlatformSettings(), home=home, data_root=f"s3://{BUCKET}/{tmp_path.name}")


def order(folder: Path, engine: str) -> Order:
    (folder / "words.py").write_text(SCRIPT)
    (folder / "shouting.py").write_text(MODULE)
    (folder / "text.txt").write_text("to be or\nnot to be\n" * 50)
    job = SparkJob(
        name="words",
        script=str(folder / "words.py"),
        modules=(str(folder / "shouting.py"),),
        tables=("words", "none"),
        settings={"text": str(folder / "text.txt")},
        data=(str(folder / "text.txt"),),
        resources=Resources(
            driver_cores=1, driver_memory_gib=1.0, executors=1, executor_cores=1, executor_memory_gib=1.0
        ),
        timeout_s=420,
    )
    layers = (Layer("test", Objective(pinned=engine)),)
    return Order(asset="words", job=job, mode=Mode.FULL, team="words", code_location="words", layers=layers)


def run(asked: Order, shed: Shed) -> Result:
    said: list[str] = []
    try:
        return Route(StandaloneStep(asked.asset, PartitionSelection(), said.append), asked, shed).run()
    except Exception as error:
        error.add_note("\n".join(said))
        raise


def test_the_tables_are_those_of_an_engine_of_this_machine(shed: Shed, tmp_path: Path) -> None:
    there = run(order(tmp_path, "kubernetes"), shed)
    assert there.reported.report["place"].startswith(f"s3://{BUCKET}/")
    assert there.messages > 3

    home = tmp_path / "here"
    here_shed = open_shed(
        LocationSettings(team="words", code_location="words"),
        PlatformSettings(),
        home=home,
        data_root=str(home / "data"),
    )
    here = run(order(tmp_path, "sail"), here_shed)
    assert here.reported.report["place"] == str(tmp_path / "text.txt")
    assert there.published[0].hashes == here.published[0].hashes
    assert there.published[0].rows == {"words": 300, "none": 0}
