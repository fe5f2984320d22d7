"""The job of a script without Spark: what it gives, what it refuses, and the messages it sends."""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import numpy
import pytest
from dagster_pipes import PipesContext, PipesMappingParamsLoader, open_dagster_pipes

import engineshed_driver
from engineshed.channels.files import FileChannel
from engineshed.model.launch import Token
from engineshed.model.message import PROGRESS_KEY, REPORT_KEY, Batch
from engineshed.model.wiring import Wiring
from engineshed.testing.channel_contract import CONTEXT
from engineshed_driver import JobError, open_job

TOKEN = Token("es-0123456789abcdef01234567")

LAUNCH: dict[str, Any] = {
    "token": TOKEN,
    "mode": "sample",
    "job": "edges",
    "settings": {"depth": 3},
    "tables": [],
    "partition": {"keys": ["a", "b"], "by_key": {"a": {"crawl": "a"}, "b": {"crawl": "b"}}},
    "inputs": {
        "a": {"nodes": {"nodes": ["file:///n/1.parquet", "file:///n/2.parquet"]}},
        "b": {"nodes": {"nodes": ["file:///n/2.parquet"], "drops": []}},
    },
    "outputs": {"a": "/out/a", "b": "/out/b"},
}


@pytest.fixture(autouse=True)
def _a_fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "argv", ["script.py"])
    yield
    PipesContext.set(None)  # dagster_pipes allows one context a process


class Orchestrated:
    """A launch of this very process."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.channel = FileChannel(folder)
        self.reader = self.channel.reader(str(folder / TOKEN))
        self.monkeypatch = monkeypatch

    def launch(self, **changes: Any) -> Wiring:
        extras = {"engineshed": {**LAUNCH, **changes}}
        wiring = self.channel.prepare(TOKEN, {**CONTEXT, "extras": extras})
        for name, value in wiring.env.items():
            self.monkeypatch.setenv(name, value)
        return wiring

    def said(self) -> Batch:
        return self.reader.poll("")

    def payloads(self, key: str) -> list[Any]:
        custom = [m.params["payload"] for m in self.said().messages if m.method == "report_custom_message"]
        return [payload[key] for payload in custom if key in payload]


@pytest.fixture
def dagster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Orchestrated:
    return Orchestrated(tmp_path / "channels", monkeypatch)


def test_by_hand_it_is_plain():
    with open_job("edges") as job:
        assert (job.orchestrated, job.settings, job.tables, job.mode, job.partition.keys) == (False, {}, (), "", ())
        with pytest.raises(JobError, match="--out"):
            job.write("links", None)
        with pytest.raises(JobError, match="by hand"):
            job.read("nodes", "nodes")


def test_places_are_where_the_launch_put_the_files(dagster):
    dagster.launch(data={"/crawls/*.gz": ["s3://x/data/1/b.gz", "s3://x/data/0/c.gz"]})
    with open_job("edges") as job:
        assert job.places("/crawls/*.gz") == ["s3://x/data/1/b.gz", "s3://x/data/0/c.gz"]
        assert job.places("s3://own/*.gz") == ["s3://own/*.gz"]


def test_places_are_their_own_where_nothing_was_put(dagster):
    with open_job("edges") as job:
        assert job.places("/crawls/*.gz") == ["/crawls/*.gz"]


def test_orchestrated_it_has_what_the_launch_gave(dagster):
    dagster.launch()
    with open_job("edges") as job:
        assert (job.orchestrated, job.token, job.mode, job.settings) == (True, TOKEN, "sample", {"depth": 3})
        assert job.partition.keys == ("a", "b")
        assert job.input_files("nodes", "nodes") == ["file:///n/1.parquet", "file:///n/2.parquet"]
        assert job.input_files("nodes", "nodes", key="b") == ["file:///n/2.parquet"]
    said = dagster.said()
    assert (said.messages[0].method, said.messages[-1].method, said.closed) == ("opened", "closed", True)


@pytest.mark.parametrize(
    ("use", "fact"),
    [
        (
            lambda job: job.input_files("nodes", "edges"),
            "no input nodes/edges for the partition key 'a': .*nodes/nodes",
        ),
        (lambda job: job.input_files("pages", "p", key="b"), "there are 'nodes/drops', 'nodes/nodes'"),
        (lambda job: job.input_files("nodes", "nodes", key="c"), "partition key 'c': this launch has 'a', 'b'"),
        (lambda job: job.read("nodes", "drops", key="b"), "has no files"),
        (lambda job: job.write("pages", None), "'pages' is not declared by the job: it declares 'links'"),
        (lambda job: job.write("links", None), "several partition keys; give key= one of 'a', 'b'"),
        (lambda job: job.write("links", None, key="c"), "no partition key 'c' in this run: it has 'a', 'b'"),
    ],
)
def test_what_the_launch_does_not_have_is_named(dagster, use, fact):
    dagster.launch(tables=["links"])
    with pytest.raises(JobError, match=fact), open_job("edges") as job:
        use(job)
    closed = dagster.said().messages[-1]
    assert closed.params["exception"]["name"] == "JobError"


def test_declared_tables_must_be_written(dagster):
    dagster.launch(tables=["pages", "links"])
    with (
        pytest.raises(JobError, match="not written: pages of a, links of a, pages of b, links of b"),
        open_job("edges"),
    ):
        pass
    assert "not written" in dagster.said().messages[-1].params["exception"]["message"]


def test_leaving_by_exit_zero_is_success_and_still_leaves(dagster):
    dagster.launch()
    with pytest.raises(SystemExit), open_job("edges"):
        sys.exit(0)
    assert dagster.said().messages[-1].params == {}


def test_leaving_by_exit_code_is_failure(dagster):
    dagster.launch()
    with pytest.raises(SystemExit), open_job("edges"):
        sys.exit(3)
    assert dagster.said().messages[-1].params["exception"]["name"] == "SystemExit"


def test_a_launch_of_something_else_is_refused(dagster):
    wiring = dagster.channel.prepare(TOKEN, CONTEXT)
    for name, value in wiring.env.items():
        dagster.monkeypatch.setenv(name, value)
    with pytest.raises(JobError, match="open_dagster_pipes"), open_job("edges"):
        pass
    assert dagster.said().messages[-1].params["exception"]["name"] == "JobError"


def test_half_a_wiring_is_refused(dagster):
    dagster.launch()
    dagster.monkeypatch.delenv("DAGSTER_PIPES_MESSAGES")
    with pytest.raises(JobError, match="DAGSTER_PIPES_MESSAGES is not set"), open_job("edges"):
        pass


@pytest.mark.parametrize("joined", [False, True])
def test_the_wirings_arguments_do_not_reach_the_scripts_own(dagster, joined):
    wiring = dagster.launch()
    for name in wiring.env:
        dagster.monkeypatch.delenv(name)
    given = list(wiring.arguments)
    ours = [f"{given[0]}={given[1]}", f"{given[2]}={given[3]}"] if joined else given
    dagster.monkeypatch.setattr(sys, "argv", ["script.py", "--warc", "a.gz", *ours, "--out", "x"])
    assert engineshed_driver.arguments() == ["--warc", "a.gz", "--out", "x"]
    with open_job("edges") as job:
        assert job.orchestrated


def test_an_open_pipes_context_of_the_script_is_shared_and_left_open(dagster):
    dagster.launch()
    with open_dagster_pipes() as pipes:
        with open_job("edges") as job:
            assert job.orchestrated
        pipes.report_custom_message("after")
    assert [message.method for message in dagster.said().messages].count("opened") == 1
    assert dagster.said().messages[-2].params == {"payload": "after"}


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (numpy.int64(7), 7),
        (numpy.float32(0.5), 0.5),
        (numpy.array([1, 2]), [1, 2]),
        (Decimal("1.10"), "1.10"),
        (date(2024, 3, 1), "2024-03-01"),
        (datetime.fromisoformat("2024-03-01T12:00:00"), "2024-03-01T12:00:00"),
        (Path("/a/b"), "/a/b"),
        (Colour.RED, "red"),
        (math.nan, None),
        ((1, {"a": math.inf}), [1, {"a": None}]),
        ({"x", "y"}, ["x", "y"]),
    ],
)
def test_a_report_is_json(dagster, value, plain):
    dagster.launch()
    with open_job("edges") as job:
        job.report({"fact": value})
    assert dagster.payloads(REPORT_KEY) == [{"fact": plain}]


@pytest.mark.parametrize(
    ("value", "fact"),
    [
        (b"x", r"metadata\['deep'\]\[1\] is a bytes"),
        (object(), r"metadata\['deep'\]\[1\] is a object"),
        ({1: 2}, r"metadata\['deep'\]\[1\] has the key 1, a int"),
    ],
)
def test_what_json_cannot_hold_is_named(value, fact):
    with open_job("edges") as job, pytest.raises(JobError, match=fact):
        job.report({"deep": [0, value]})


def test_the_log_reaches_dagster_with_level_and_traceback(dagster):
    dagster.launch()
    with open_job("edges") as job:
        job.log.info("read %d pages", 7)
        job.log.log(25, "odd level")
        try:
            raise KeyError("seed")
        except KeyError:
            job.log.exception("no seed")
    job.log.info("too late, and no error")
    logged = [message.params for message in dagster.said().messages if message.method == "log"]
    assert [(line["level"], line["message"].splitlines()[0]) for line in logged] == [
        ("INFO", "read 7 pages"),
        ("INFO", "odd level"),
        ("ERROR", "no seed"),
    ]
    assert "KeyError: 'seed'" in logged[-1]["message"]


def test_the_heartbeat_tells_changes_soon_and_nothing_twice(dagster):
    dagster.launch()
    with open_job("edges", heartbeat_s=0.02) as job:
        for text in ("one", "two"):
            job.note(text)
            _until(lambda text=text: any(p.get("note") == text for p in dagster.payloads(PROGRESS_KEY)))
        time.sleep(0.2)
    notes = [progress.get("note") for progress in dagster.payloads(PROGRESS_KEY)]
    assert notes in (["one", "two"], [None, "one", "two"])
    assert all(progress["elapsed_s"] >= 0 for progress in dagster.payloads(PROGRESS_KEY))


def test_many_threads_and_the_heartbeat_write_whole_lines(dagster):
    """Lines far above the 8 KiB at which buffered writers interleave."""
    dagster.launch()
    filler = "x" * 20_000

    def speak(writer: int) -> None:
        pipes = PipesContext.get()
        for number in range(500):
            pipes.report_custom_message({"from": writer, "number": number, "filler": filler})

    with open_job("edges", heartbeat_s=0.001) as job:
        threads = [threading.Thread(target=speak, args=(writer,)) for writer in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            job.note(str(time.monotonic()))
            time.sleep(0.002)
    seen: dict[int, list[int]] = {writer: [] for writer in range(4)}
    beats, cursor, damaged, sequences = 0, "", 0, []
    while (batch := dagster.reader.poll(cursor)).cursor != cursor:
        cursor, damaged = batch.cursor, damaged + batch.damaged
        for message in batch.messages:
            sequences.append(message.sequence)
            payload = message.params.get("payload", {})
            beats += PROGRESS_KEY in payload
            if "from" in payload:
                seen[payload["from"]].append(payload["number"])
    assert seen == {writer: list(range(500)) for writer in range(4)}
    assert (damaged, beats > 1, sequences) == (0, True, list(range(1, len(sequences) + 1)))


def test_a_line_torn_by_a_dead_writer_does_not_take_the_next_with_it(dagster):
    wiring = dagster.launch()
    path = Path(PipesMappingParamsLoader(wiring.env).load_messages_params()["path"])
    path.write_text('{"__dagster_pipes_version": "0.1", "met')
    with open_job("edges"):
        pass
    said = dagster.said()
    assert (said.messages[0].method, said.messages[0].sequence, said.damaged) == ("opened", 2, 1)


@pytest.mark.parametrize(
    ("session", "fact"),
    [
        ("nonsense", "is not a JSON object"),
        (json.dumps({"kind": "clasic"}), "'clasic': it is one of 'classic', 'connect', 'sail', 'ambient'"),
        (json.dumps({"kind": "connect"}), 'has no "remote"'),
    ],
)
def test_a_wrong_session_is_named_and_reaches_dagster(dagster, session, fact):
    dagster.launch()
    dagster.monkeypatch.setenv("ENGINESHED_SESSION", session)
    with pytest.raises(JobError, match=fact), open_job("edges") as job:
        job.session  # noqa: B018 - a property that starts Spark
    assert dagster.said().messages[-1].params["exception"]["name"] == "JobError"


def _until(holds: Any, patience_s: float = 10.0) -> None:
    end = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < end, f"not within {patience_s:g} s"
        time.sleep(0.01)
