"""The table of states: what each content of a run folder means."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engineshed.model.failure import FailureClass
from engineshed.model.status import State
from engineshed.processes.folder import Cause, Exit, RunFolder, Start
from engineshed.processes.status import observe

NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "es-0123456789abcdef01234567")
    folder.create()
    folder.put_request("{}", NOON)
    return folder


def state_of(folder: RunFolder) -> State | None:
    status = observe(folder, now=LATER)
    return status.state if status else None


def test_a_request_alone_is_no_launch(folder: RunFolder) -> None:
    assert state_of(folder) is None


def test_no_folder_is_no_launch(tmp_path: Path) -> None:
    assert observe(RunFolder(tmp_path / "es-none"), now=LATER) is None


def test_a_held_lock_is_starting_and_then_running(folder: RunFolder) -> None:
    with folder.hold():
        assert state_of(folder) is State.STARTING
        folder.put_start(Start(started_at=NOON, supervisor_pid=1))
        assert state_of(folder) is State.RUNNING


def test_a_start_without_supervisor_is_a_platform_failure_as_of_its_last_sign_of_life(folder: RunFolder) -> None:
    with folder.hold():
        folder.put_start(Start(started_at=NOON, supervisor_pid=1))
        folder.touch()
        seen = folder.last_sign_of_life()
    status = observe(folder, now=LATER)
    assert status is not None
    assert status.failure is not None
    assert (status.state, status.failure.reason) == (State.FAILED, "supervisor_died")
    assert (status.started_at, status.ended_at) == (NOON, seen)


def test_a_cancel_that_nobody_began_is_cancelled(folder: RunFolder) -> None:
    folder.ask_cancel()
    assert state_of(folder) is State.CANCELLED


@pytest.mark.parametrize(
    ("end", "state", "reason"),
    [
        (Exit(cause=Cause.EXITED, ended_at=LATER, exit_code=0), State.SUCCEEDED, None),
        (Exit(cause=Cause.CANCELLED, ended_at=LATER, exit_code=0), State.CANCELLED, None),
        (Exit(cause=Cause.CANCELLED, ended_at=LATER, signal=9), State.CANCELLED, None),
        (Exit(cause=Cause.TIMEOUT, ended_at=LATER, exit_code=0), State.FAILED, "timeout"),
        (Exit(cause=Cause.TIMEOUT, ended_at=LATER, signal=9), State.FAILED, "timeout"),
        (Exit(cause=Cause.TERMINATED, ended_at=LATER, exit_code=0), State.FAILED, "terminated"),
        (Exit(cause=Cause.TERMINATED, ended_at=LATER, signal=9), State.FAILED, "terminated"),
        (Exit(cause=Cause.EXITED, ended_at=LATER, signal=9, oom_kills=1), State.FAILED, "out_of_memory"),
        (Exit(cause=Cause.EXITED, ended_at=LATER, signal=9), State.FAILED, "killed"),
        (Exit(cause=Cause.EXITED, ended_at=LATER, exit_code=1), State.FAILED, "exit_code"),
        (Exit(cause=Cause.CANNOT_START, ended_at=LATER, error="gone"), State.FAILED, "cannot_start"),
    ],
)
def test_every_end_has_a_state_and_a_reason(folder: RunFolder, end: Exit, state: State, reason: str | None) -> None:
    folder.put_exit(end)
    status = observe(folder, now=LATER)
    assert status is not None
    assert status.state is state
    assert (status.failure.reason if status.failure else None) == reason


def test_memory_killed_beside_an_exit_code_is_hinted_at(folder: RunFolder) -> None:
    folder.put_exit(Exit(cause=Cause.EXITED, ended_at=LATER, exit_code=1, oom_kills=3))
    status = observe(folder, now=LATER)
    assert status is not None
    assert status.failure is not None
    assert status.failure.failure_class is FailureClass.USER_CODE
    assert "3 process(es)" in status.failure.message
