"""Runs launched from the web pages: followed live, sent elsewhere, terminated, and orphaned by a killed worker."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engineshed.processes.leftovers import carrying, send

from ..pages import wait_for
from .webserver import Webserver

PARTITION = "SAMPLE-2025-08|languages"


def _token(web: Webserver, run_id: str) -> str:
    """The token of the run's launch, once it is submitted."""
    found = re.search(r"token (es-\w+)", web.is_past(run_id, "Submitted to"))
    assert found is not None
    return found[1]


@contextmanager
def _halted(token: str) -> Iterator[None]:
    """The driver stands still meanwhile, so that whatever is done to its run is done in its middle."""
    pids = wait_for(lambda: carrying(token), "the driver")
    send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        send(carrying(token), signal.SIGCONT)


def test_a_run_shows_its_progress_while_it_lives(web: Webserver, times: dict[str, str]) -> None:
    run_id = web.launch("edges", partition=PARTITION)
    token = _token(web, run_id)
    web.is_past(run_id, "progress: ")
    with _halted(token):
        events = web.events(run_id)
        assert web.run(run_id)["status"] == "STARTED"
        assert "ExecutionStepSuccessEvent" not in {event["__typename"] for event in events}
        assert any("progress: " in event["message"] for event in events)
    assert web.ended(run_id) == "SUCCESS"
    assert "wrote" in web.compute_log(run_id), "the driver's output is in the compute log"
    times["added to a launch, in a fresh step process"] = f"{web.seconds_added(run_id, 'edges'):.1f} s"


@pytest.mark.needs_java
def test_one_run_is_sent_to_another_engine(web: Webserver) -> None:
    run_id = web.launch("nodes_only", partition=PARTITION, config={"engine": "local"})
    assert web.ended(run_id) == "SUCCESS", web.messages(run_id)
    before, *others = reversed(web.materialisations("nodes_only", PARTITION))
    (made,) = [m for m in others if m.run_id == run_id]
    assert before.metadata["engineshed/engine"] == "sail"
    assert made.metadata["engineshed/engine"] == "local"
    assert "run override" in made.metadata["engineshed/plan"]
    assert made.metadata["dataset_hash/nodes"] == before.metadata["dataset_hash/nodes"]


def test_an_unknown_engine_fails_at_once_and_says_which_there_are(web: Webserver) -> None:
    run_id = web.launch("nodes_only", partition=PARTITION, config={"engine": "quantum"})
    assert web.ended(run_id) == "FAILURE"
    said = "\n".join(web.messages(run_id))
    assert "quantum" in said
    assert "sail" in said
    assert "Submitted to" not in said


def test_a_terminated_run_ends_its_driver_and_publishes_nothing(web: Webserver) -> None:
    before = len(web.materialisations("edges", PARTITION))
    run_id = web.launch("edges", partition=PARTITION)
    token = _token(web, run_id)
    with _halted(token):
        web.terminate(run_id)
    assert web.ended(run_id) == "CANCELED"
    wait_for(lambda: not carrying(token), "the end of the driver", 30)
    assert len(web.materialisations("edges", PARTITION)) == before
    assert not [r for r in web.runs() if r["rootRunId"] == run_id], "a cancelled run is not retried"


def test_a_killed_worker_is_followed_by_one_that_takes_the_driver_over(web: Webserver) -> None:
    before = len(web.materialisations("edges", PARTITION))
    run_id = web.launch("edges", partition=PARTITION)
    token = _token(web, run_id)
    with _halted(token):
        for pid in web.workers(run_id):
            os.kill(pid, signal.SIGKILL)
        (child,) = wait_for(lambda: [r for r in web.runs() if r["rootRunId"] == run_id], "the retried run")
        web.is_past(child["runId"], "Adopted ")
    assert web.ended(child["runId"]) == "SUCCESS"
    assert web.run(run_id)["status"] == "FAILURE"
    made = web.materialisations("edges", PARTITION)
    assert len(made) == before + 1, "exactly one materialisation"
    assert made[0].run_id == child["runId"]
    assert made[0].metadata["engineshed/token"] == token, "the driver of the first run, not a second one"
    submitted = [m for run in (run_id, child["runId"]) for m in web.messages(run) if "Submitted to" in m]
    assert len(submitted) == 1
