"""Every row of the table in running/verdict.py, and what a transcript makes of messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from engineshed.model.failure import Failure, FailureClass
from engineshed.model.message import Message
from engineshed.model.status import State, Status
from engineshed.running.transcript import Transcript
from engineshed.running.verdict import judge

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATE = Failure(FailureClass.USER_CODE, "timeout", "longer than timeout_s")
REFUSED = Failure(FailureClass.CAPACITY, "quota_exceeded", "no room for the executors")
OOM = Failure(FailureClass.PLATFORM, "killed", "the driver was killed")


def _status(state: State, failure: Failure | None = None) -> Status:
    return Status(state=state, native=str(state), observed_at=NOW, failure=failure)


def _transcript(*messages: tuple[str, dict[str, Any]]) -> Transcript:
    transcript = Transcript()
    for n, (method, params) in enumerate(messages, start=1):
        transcript.take(Message(n, method, params))
    return transcript


OPENED = ("opened", {})
CLOSED = ("closed", {})
RAISED = ("closed", {"exception": {"name": "KeyError", "message": "'dst'", "stack": ["  at line 3\n"]}})
FULL_DISK = {"name": "OSError", "message": "[Errno 28] No space left on device: '/x'"}
WITHOUT_ROOM = ("closed", {"exception": {"name": "JobError", "message": "not written", "cause": FULL_DISK}})
TOLD_TO_STOP = ("closed", {"exception": {"name": "Terminated", "message": "The driver was told to stop (SIGTERM)."}})
SEALED = ("report_custom_message", {"payload": {"engineshed/seal": {"tables": {}}}})


@pytest.mark.parametrize(
    ("state", "failure", "messages", "tables", "in_store", "reason"),
    [
        (State.SUCCEEDED, None, [OPENED, CLOSED], (), False, None),
        (State.SUCCEEDED, None, [OPENED, SEALED, CLOSED], ("links",), False, None),
        (State.SUCCEEDED, None, [OPENED, CLOSED], ("links",), True, None),
        (State.SUCCEEDED, None, [OPENED, CLOSED], ("links",), False, "not_sealed"),
        (State.SUCCEEDED, None, [OPENED, RAISED], (), True, "driver_exception"),
        (State.SUCCEEDED, None, [OPENED], ("links",), True, None),
        (State.SUCCEEDED, None, [OPENED], ("links",), False, "never_closed"),
        (State.SUCCEEDED, None, [], (), False, "never_opened"),
        (State.FAILED, LATE, [OPENED, RAISED], (), False, "timeout"),
        (State.FAILED, REFUSED, [OPENED, RAISED], (), False, "quota_exceeded"),
        (State.FAILED, OOM, [OPENED, RAISED], (), False, "driver_exception"),
        (State.FAILED, OOM, [OPENED, TOLD_TO_STOP], (), False, "killed"),
        (State.SUCCEEDED, None, [OPENED, TOLD_TO_STOP], (), False, "driver_exception"),
        (State.FAILED, OOM, [OPENED], (), False, "killed"),
        (State.FAILED, None, [OPENED, WITHOUT_ROOM], (), False, "disk_full"),
        (State.FAILED, None, [], (), False, "unknown"),
        (State.CANCELLED, None, [OPENED, SEALED, CLOSED], ("links",), True, "cancelled"),
    ],
)
def test_the_table(
    state: State,
    failure: Failure | None,
    messages: list[tuple[str, dict[str, Any]]],
    tables: tuple[str, ...],
    in_store: bool,
    reason: str | None,
) -> None:
    verdict = judge(_status(state, failure), _transcript(*messages), tables, sealed_in_store=in_store)
    assert (verdict.failure.reason if verdict.failure else None) == reason


def test_a_broken_channel_is_said_and_taken() -> None:
    verdict = judge(_status(State.SUCCEEDED), _transcript(OPENED), ("links",), sealed_in_store=True)
    assert verdict.good
    assert "channel broke" in verdict.warning


def test_a_drivers_traceback_names_its_causes_first() -> None:
    cause = {"name": "OSError", "message": "disk", "stack": []}
    raised = {"name": "RuntimeError", "message": "publish", "stack": ["  in write\n"], "cause": cause}
    transcript = _transcript(OPENED, ("closed", {"exception": raised}))
    assert transcript.exception_text == "OSError: disk\nwhich led to:\n  in write\nRuntimeError: publish"


def test_a_transcript_takes_each_sequence_once_and_keeps_what_the_step_returns() -> None:
    transcript = Transcript()
    report = Message(1, "report_custom_message", {"payload": {"engineshed/report": {"pages": 3}}})
    assert transcript.take(report)
    assert not transcript.take(report)
    transcript.take(Message(2, "report_custom_message", {"payload": {"mine": 1}}))
    transcript.take(
        Message(3, "report_asset_materialization", {"asset_key": "edges", "metadata": {"a": 1}, "data_version": "v"})
    )
    transcript.take(Message(4, "report_asset_materialization", {"asset_key": "edges", "metadata": {"b": 2}}))
    assert transcript.messages == 4
    assert transcript.reported.report == {"pages": 3}
    assert transcript.reported.custom == ({"mine": 1},)
    assert transcript.reported.materializations == {"edges": {"metadata": {"a": 1, "b": 2}, "data_version": "v"}}
