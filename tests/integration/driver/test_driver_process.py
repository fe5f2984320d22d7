"""Drivers as engines start them, on each kind of session: what they write, what they say, and how they leave."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from tests.integration.driver.drivers import SESSIONS, Launcher

needs_java = pytest.mark.needs_java
EACH = ["sail", pytest.param("classic", marks=needs_java)]
EACH_AND_CONNECT = [*EACH, pytest.param("connect", marks=needs_java)]

TWO_TABLES = """
numbers = job.session.range(0, 1000, 1, 4).selectExpr("id", "id % 7 AS rest")
pages = job.write("pages", numbers.mapInArrow(beside.all_of, numbers.schema))
links = job.write("links", numbers.groupBy("rest").count())
job.report({"pages": pages, "links": links})
job.log.info("zone %s", job.session.conf.get("spark.sql.session.timeZone"))
"""

SLOW = """
def slow(batches):
    for batch in batches:
        time.sleep(60)
        yield batch
numbers = job.session.range(0, 1000, 1, 2)
numbers.count()
job.log.info("at work")
job.write("pages", numbers.mapInArrow(slow, numbers.schema))
"""


def rows(folder: Path) -> int:
    return sum(parquet.read_metadata(file).num_rows for file in folder.glob("*.parquet"))


@pytest.mark.parametrize("kind", EACH_AND_CONNECT)
def test_tables_are_written_sealed_and_told(launcher: Launcher, kind: str) -> None:
    ended = launcher.start(TWO_TABLES, SESSIONS[kind]).ended()
    assert (ended.code, ended.exception) == (0, None), ended.stderr
    assert ended.messages[0].method == "opened"
    assert ended.report == [{"pages": 1000, "links": 7}]
    assert ended.seals == [{"tables": {"": {"pages": 1000, "links": 7}}}]
    assert (rows(launcher.out() / "pages"), rows(launcher.out() / "links")) == (1000, 7)
    assert "zone UTC" in [message.params.get("message") for message in ended.messages]
    (seal,) = [
        row
        for file in (launcher.out() / "_seal").glob("*.parquet")
        for row in parquet.ParquetFile(file).read().to_pylist()
    ]
    assert json.loads(seal["tables"]) == {"pages": 1000, "links": 7}
    assert json.loads(seal["report"]) == {"pages": 1000, "links": 7}
    assert next(progress["note"] for progress in ended.progress if "note" in progress) == "starting Spark"
    assert ended.progress[-1]["rows"] == 1007
    last = ended.progress[-1]
    if kind == "classic":
        assert last["stages_done"] == last["stages_total"] >= 2
        assert last["tasks_done"] == last["tasks_total"] >= 4
    elif kind == "connect":  # its server may end an operation without a word on the last tasks
        assert 1 <= last["stages_done"] <= last["stages_total"]
        assert 1 <= last["tasks_done"] <= last["tasks_total"]


@pytest.mark.parametrize("kind", EACH)
def test_each_partition_key_has_its_tables_and_its_seal(launcher: Launcher, kind: str) -> None:
    body = """
for number, key in enumerate(job.partition.keys):
    job.write("pages", job.session.range(number), key=key)
"""
    ended = launcher.start(body, SESSIONS[kind], keys=("a", "b|.c d%"), tables=["pages"]).ended()
    assert ended.exception is None, ended.stderr
    assert ended.seals == [{"tables": {"a": {"pages": 0}, "b|.c d%": {"pages": 1}}}]
    for key, count in (("a", 0), ("b|.c d%", 1)):
        assert len(list((launcher.out(key) / "pages").glob("*.parquet"))) >= 1, "an empty table has a file too"
        assert rows(launcher.out(key) / "pages") == count
        assert (launcher.out(key) / "_seal").is_dir()


@pytest.mark.parametrize("kind", EACH)
def test_inputs_are_read_and_filtered_by_partition(launcher: Launcher, kind: str, tmp_path: Path) -> None:
    values = ["plain", "it's", "back\\slash", 'quo"te', "${env:HOME}", "%_", "new\nline", "é☃"]
    body = f"""
values = {values!r}
frame = job.session.createDataFrame([(v, n) for n, v in enumerate(values)], "crawl string, n long")
for value in values:
    job.log.info(repr((value, [row.n for row in frame.filter(engineshed_driver.PartitionFilter(
        keys=("k",), by_key={{"k": {{"crawl": value}}}}).sql({{"crawl": "crawl"}})).collect()])))
import datetime
days = [(datetime.datetime(2024, 3, d, h, tzinfo=datetime.timezone.utc),) for d in (1, 2, 3) for h in (0, 23)]
times = job.session.createDataFrame(days, "t timestamp")
window = engineshed_driver.PartitionFilter(keys=("d",), by_key={{"d": {{"date": "d"}}}},
    windows_by_value={{"date": {{"d": ("2024-03-02T01:00:00+01:00", "2024-03-03T00:00:00+00:00")}}}})
job.log.info("in window %d", times.filter(window.sql({{"date": "t"}})).count())
job.log.info("inputs %d", job.read("nodes", "nodes").count())
"""
    source = tmp_path / "in%2Eput.parquet"
    parquet.write_table(_two_rows(), source)
    inputs = {"": {"nodes": {"nodes": [str(source)]}}}
    ended = launcher.start(body, SESSIONS[kind], tables=[], inputs=inputs).ended()
    assert ended.exception is None, ended.stderr
    said = [message.params["message"] for message in ended.messages if message.method == "log"]
    assert said[: len(values)] == [repr((value, [number])) for number, value in enumerate(values)]
    assert said[len(values) :] == ["in window 2", "inputs 2"]


def _two_rows():  # type: ignore[no-untyped-def]
    import pyarrow

    return pyarrow.table({"seed": ["a", "b"], "at": [datetime.fromisoformat("2024-01-01T00:00:00")] * 2})


@pytest.mark.parametrize("kind", EACH)
def test_an_error_in_the_script_is_told_and_seals_nothing(launcher: Launcher, kind: str) -> None:
    body = 'job.write("pages", job.session.range(3))\nraise ValueError("boom")'
    ended = launcher.start(body, SESSIONS[kind]).ended()
    assert ended.code == 1
    assert ended.exception is not None
    assert (ended.exception["name"], "boom" in ended.exception["message"]) == ("ValueError", True)
    assert any("script.py" in line for line in ended.exception["stack"])
    assert (ended.seals, (launcher.out() / "_seal").exists()) == ([], False)


def test_a_table_left_out_is_told_and_seals_nothing(launcher: Launcher) -> None:
    ended = launcher.start('job.write("pages", job.session.range(3))', SESSIONS["sail"]).ended()
    assert ended.code == 1
    assert ended.exception is not None
    assert "tables declared but not written: links" in ended.exception["message"]
    assert (ended.seals, (launcher.out() / "_seal").exists()) == ([], False)


def test_a_table_is_written_once(launcher: Launcher) -> None:
    body = 'frame = job.session.range(3)\njob.write("pages", frame)\njob.write("pages", frame)'
    exception = launcher.start(body, SESSIONS["sail"]).ended().exception
    assert exception is not None
    assert "already written" in exception["message"]


@pytest.mark.parametrize("kind", EACH)
def test_sigterm_ends_the_work_and_is_told_within_the_grace(launcher: Launcher, kind: str) -> None:
    driver = launcher.start(SLOW, SESSIONS[kind])
    driver.until_said("at work")
    time.sleep(0.5)
    children = driver.children()
    driver.terminate()
    ended = driver.ended(within_s=10)
    assert ended.code == 128 + signal.SIGTERM
    assert ended.exception is not None
    assert ended.exception["name"] == "Terminated"
    assert ended.seals == []
    assert children
    assert _gone(children)


def test_a_server_that_dies_does_not_take_the_driver_with_it(launcher: Launcher) -> None:
    driver = launcher.start(SLOW, SESSIONS["sail"])
    driver.until_said("at work")
    for pid in driver.children():
        os.kill(pid, signal.SIGKILL)
    ended = driver.ended(within_s=30)
    assert ended.code == 1
    assert ended.exception is not None
    assert "out of memory?" in ended.exception["message"]


def test_a_driver_that_is_killed_takes_its_server_with_it(launcher: Launcher) -> None:
    driver = launcher.start(SLOW, SESSIONS["sail"])
    driver.until_said("at work")
    children = driver.children()
    launcher.end()
    assert children
    assert _gone(children)


@needs_java
def test_a_session_that_cannot_start_is_told(launcher: Launcher) -> None:
    ended = launcher.start(TWO_TABLES, {"kind": "classic", "master": "nonsense"}).ended()
    assert (ended.code, ended.messages[0].method) == (1, "opened")
    assert ended.exception is not None
    assert ended.exception["name"] == "PySparkRuntimeError"
    assert any("getOrCreate" in line for line in ended.exception["stack"])
    assert ended.progress[-1]["note"] == "starting Spark"


def test_a_session_that_does_not_stop_is_left_behind(launcher: Launcher) -> None:
    body = """
job.session.range(1).count()
engineshed_driver.STOP_S = 0.5
job.session.stop = lambda: time.sleep(600)
"""
    ended = launcher.start(body, SESSIONS["sail"], tables=[]).ended(within_s=30)
    assert (ended.code, ended.exception) == (0, None)
    assert "did not stop within 0.5 s" in ended.stderr


def test_a_stop_that_fails_hides_no_error(launcher: Launcher) -> None:
    body = """
def fail(): raise RuntimeError("stop failed")
job.session.stop = fail
raise ValueError("boom")
"""
    ended = launcher.start(body, SESSIONS["sail"], tables=[]).ended(within_s=30)
    assert ended.exception is not None
    assert ended.exception["name"] == "ValueError"
    assert "did not stop well: stop failed" in ended.stderr
    assert ended.stderr.rstrip().endswith("ValueError: boom")


BY_HAND = """
import argparse, json, sys
import engineshed_driver, beside
parser = argparse.ArgumentParser()
parser.add_argument("--out", required=True)
out = parser.parse_args(engineshed_driver.arguments()).out
with engineshed_driver.open_job("hand", out=out) as job:
    numbers = job.session.range(10)
    counts = {"links": job.write("links", numbers.mapInArrow(beside.all_of, numbers.schema))}
    job.report(counts)
print(json.dumps(counts))
"""


@pytest.mark.parametrize("kind", EACH)
def test_by_hand_it_writes_below_out(launcher: Launcher, kind: str, tmp_path: Path) -> None:
    env = {"ENGINESHED_SESSION": json.dumps({"kind": kind})}
    ended = launcher.run(BY_HAND, ["--out", str(tmp_path / "result")], env).ended()
    assert ended.code == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1]) == {"links": 10}
    assert rows(tmp_path / "result" / "links") == 10
    assert 'report {"links": 10}' in ended.stderr


def test_by_hand_without_java_it_is_sail(launcher: Launcher, tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path), "JAVA_HOME": ""}
    ended = launcher.run(BY_HAND, ["--out", str(tmp_path / "result")], env).ended()
    assert ended.code == 0, ended.stderr
    assert rows(tmp_path / "result" / "links") == 10


def _gone(pids: list[int], patience_s: float = 10.0) -> bool:
    end = time.monotonic() + patience_s
    while any(Path(f"/proc/{pid}").exists() and _state(pid) != "Z" for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"
