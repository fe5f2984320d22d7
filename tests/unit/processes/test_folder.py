from datetime import UTC, datetime
from pathlib import Path

import pytest

from engineshed.processes.folder import Cause, Exit, RunFolder, Start

NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
EXITS = [
    Exit(cause=Cause.CANCELLED, ended_at=NOON),
    Exit(cause=Cause.EXITED, started_at=NOON, ended_at=NOON, exit_code=0, cpu_s=1.5, max_rss_bytes=4096),
    Exit(cause=Cause.EXITED, started_at=NOON, ended_at=NOON, signal=9, oom_kills=2),
    Exit(cause=Cause.CANNOT_START, started_at=NOON, ended_at=NOON, error="FileNotFoundError: python"),
]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "runs" / "es-1")
    folder.create()
    return folder


def test_the_first_request_stays(folder: RunFolder) -> None:
    assert folder.put_request("{}", NOON)
    assert not folder.put_request('{"other": 1}', datetime.now(UTC))
    assert folder.request_text() == "{}"
    assert folder.submitted_at() == NOON
    assert [path.name for path in folder.path.iterdir()] == ["request.json"]


@pytest.mark.parametrize("end", EXITS)
def test_an_exit_is_read_as_it_was_written(folder: RunFolder, end: Exit) -> None:
    folder.put_exit(end)
    assert folder.exit() == end


def test_a_start_is_read_as_it_was_written(folder: RunFolder) -> None:
    start = Start(started_at=NOON, supervisor_pid=7)
    folder.put_start(start)
    assert folder.start() == start


def test_the_lock_tells_whether_a_supervisor_lives(folder: RunFolder) -> None:
    assert not folder.held()
    with folder.hold() as ours:
        assert ours
        assert folder.held()
        with folder.hold() as second:
            assert not second
        assert folder.held()
    assert not folder.held()


def test_a_folder_that_is_gone_says_nothing(tmp_path: Path) -> None:
    gone = RunFolder(tmp_path / "es-2")
    gone.ask_cancel()
    assert (gone.request_text(), gone.start(), gone.exit(), gone.held(), gone.cancel_asked()) == (
        None,
        None,
        None,
        False,
        False,
    )
