"""What a person once set for another Spark does not reach the drivers; what they set for the engine on purpose does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from engineshed.channels.files import build as build_files_channel
from engineshed.model.status import State
from engineshed.ports.engine import Surroundings
from engineshed.processes.stray import UNSET
from engineshed.running.system_clock import SystemClock
from engineshed.testing.bench import Bench

from .conftest import Platform

DRIVER = Path(__file__).parents[3] / "spark" / "driver" / "engineshed_driver.py"
SCRIPT = """
import engineshed_driver
with engineshed_driver.open_job("stray") as job:
    print(job.session.range(7).count())
"""
# Each broke runs of one engine or of both; the values are those of a login shell made for another Spark.
STRAYS = {
    "SPARK_HOME": "/nope",
    "SPARK_REMOTE": "sc://127.0.0.1:1",
    "MASTER": "yarn",
    "SPARK_API_MODE": "connect",
    "SPARK_LOCAL_REMOTE": "1",
    "SPARK_CONNECT_MODE_ENABLED": "1",
    "SPARK_CONF_DIR": "/nope",
    "PYSPARK_SUBMIT_ARGS": "--master yarn",
    "PYSPARK_GATEWAY_PORT": "1",
    "SPARK_CONNECT_AUTHENTICATE_TOKEN": "someone",
    "HADOOP_CONF_DIR": "",
}
MakeBench = Callable[[str], Bench]


@pytest.fixture
def make_bench(tmp_path: Path) -> MakeBench:
    def make(engine: str) -> Bench:
        surroundings = Surroundings(home=str(tmp_path / "home"), python="", clock=SystemClock())
        return Bench(
            builder=f"engineshed.engines.{engine}:build",
            channel=build_files_channel({}, surroundings),
            folder=tmp_path,
            driver=DRIVER,
        )

    return make


def _hadoop_of_another_cluster(folder: Path) -> str:
    (folder / "core-site.xml").write_text(
        "<configuration><property><name>fs.defaultFS</name><value>hdfs://127.0.0.1:1</value></property></configuration>"
    )
    return str(folder)


@pytest.mark.parametrize("names", [["SPARK_REMOTE"], STRAYS], ids=["SPARK_REMOTE", "all at once"])
@pytest.mark.parametrize("engine", ["sail", pytest.param("local", marks=pytest.mark.needs_java)])
def test_a_run_does_not_depend_on_what_was_set_for_another_spark(
    make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, names: Iterable[str]
) -> None:
    strays = {**STRAYS, "HADOOP_CONF_DIR": _hadoop_of_another_cluster(tmp_path)}
    for name in names:
        monkeypatch.setenv(name, strays[name])
    bench = make_bench(engine)
    bench_engine, work = bench.engine(), bench.work(SCRIPT, extras={"engineshed": {}})
    status = bench.final(bench_engine, launch := bench_engine.submit(bench_engine.render(work)))
    assert status.state is State.SUCCEEDED, status.failure
    assert "7\n" in Path(bench_engine.links(launch)["driver output"]).read_text()


def test_strays_are_left_out_and_all_else_is_inherited(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*UNSET, "AWS_PROFILE"):
        monkeypatch.setenv(name, "inherited")
    source = "import os; print(sorted(n for n, value in os.environ.items() if value in ('inherited', 'on purpose')))"
    request = platform.request(source, unset=list(UNSET), env={"SPARK_CONF_DIR": "on purpose"})
    launch = platform.engine.submit(request)
    platform.final(launch)
    assert platform.out(launch) == "['AWS_PROFILE', 'SPARK_CONF_DIR']\n"
