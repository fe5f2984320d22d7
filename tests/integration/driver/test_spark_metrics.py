"""A Spark session with the settings of engine kubernetes serves its metrics at the driver's port."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from engineshed.engines.kubernetes import names
from engineshed.engines.kubernetes.conf import local_session
from engineshed.engines.kubernetes.sizes import PodSize

pytestmark = pytest.mark.needs_java

SCRIPT = """
import json, sys, urllib.request
from pyspark.sql import SparkSession

conf, paths = json.loads(sys.argv[1]), sys.argv[2:]
builder = SparkSession.builder.master("local[1]")
for name, value in conf.items():
    builder = builder.config(name, value)
session = builder.getOrCreate()
session.range(1000).repartition(3).count()
base = session.sparkContext.uiWebUrl
pages = {path: urllib.request.urlopen(base + path, timeout=30).read().decode() for path in paths}
print("PAGES " + json.dumps({"id": session.sparkContext.applicationId, "pages": pages}))
session.stop()
"""


@pytest.fixture(scope="module")
def told() -> dict[str, object]:
    size = PodSize(cores=1, cpu_m=1000, memory_mib=896, heap_mib=512)
    conf = local_session(size, {})["conf"]
    # The port and the folders of a pod are its own; here another session may have them.
    own = {"spark.ui.port": "0", "spark.local.dir": "/tmp", "spark.sql.warehouse.dir": "/tmp/warehouse"}
    paths = [names.EXECUTORS_METRICS_PATH, names.DRIVER_METRICS_PATH]
    command = [sys.executable, "-c", SCRIPT, json.dumps({**conf, **own}), *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("PAGES "))
    found: dict[str, object] = json.loads(line.removeprefix("PAGES "))
    return found


def page(told: dict[str, object], path: str) -> list[str]:
    pages = told["pages"]
    assert isinstance(pages, dict)
    return [line for line in str(pages[path]).splitlines() if line and not line.startswith("#")]


def test_what_driver_and_executors_do_is_there(told: dict[str, object]) -> None:
    lines = page(told, names.EXECUTORS_METRICS_PATH)
    done = [line for line in lines if line.startswith("metrics_executor_completedTasks_total{")]
    assert len(done) == 1
    assert 'executor_id="driver"' in done[0]
    assert float(done[0].rpartition(" ")[2]) >= 3


def test_what_is_inside_the_driver_is_there_by_names_that_every_run_has(told: dict[str, object]) -> None:
    lines = page(told, names.DRIVER_METRICS_PATH)
    series = {line.partition("{")[0] for line in lines}
    assert "metrics_spark_driver_DAGScheduler_job_allJobs_Number" in series
    run_id = str(told["id"]).replace("-", "_")
    assert not [name for name in series if run_id in name]
