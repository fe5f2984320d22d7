"""How a run ends, and what is known of it then."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from engineshed.model.errors import LaunchLost, SubmitRejected
from engineshed.model.failure import FailureClass
from engineshed.model.request import Request
from engineshed.model.status import State

from .conftest import Platform, alive, wait_until

LONG_AGO = datetime(2024, 2, 29, 12, tzinfo=UTC)
LONG = "import time; print('up'); time.sleep(600)"
SAYS_PID = "import os, time; print(os.getpid()); time.sleep(600)"


@pytest.mark.parametrize(
    ("source", "failure_class", "reason", "native"),
    [
        ("raise SystemExit(3)", FailureClass.USER_CODE, "exit_code", "exit 3"),
        ("raise SystemExit(137)", FailureClass.PLATFORM, "killed", "exit 137"),
        ("import os; os.kill(os.getpid(), 9)", FailureClass.PLATFORM, "killed", "signal 9"),
        ("import os; os.kill(os.getpid(), 15)", FailureClass.PLATFORM, "terminated", "signal 15"),
        ("import os; os.kill(os.getpid(), 11)", FailureClass.USER_CODE, "signal", "signal 11"),
    ],
)
def test_a_bad_end_is_classified(
    platform: Platform, source: str, failure_class: FailureClass, reason: str, native: str
) -> None:
    status = platform.final(platform.run(source))
    assert status.failure is not None
    assert (status.state, status.native) == (State.FAILED, native)
    assert (status.failure.failure_class, status.failure.reason) == (failure_class, reason)


def test_a_program_that_is_not_there_is_a_configuration_failure(platform: Platform) -> None:
    status = platform.final(platform.run("", argv=["/no/such/python"]))
    assert status.failure is not None
    assert (status.failure.failure_class, status.failure.reason) == (FailureClass.CONFIGURATION, "cannot_start")
    assert "/no/such/python" in status.failure.message


def test_detail_is_the_end_of_standard_error(platform: Platform) -> None:
    status = platform.final(platform.run("import sys\nfor n in range(100): print(n, file=sys.stderr)\nsys.exit(1)"))
    assert status.failure is not None
    assert status.failure.detail.splitlines() == [str(n) for n in range(60, 100)]


def test_time_limit_ends_the_run(platform: Platform) -> None:
    status = platform.final(platform.run(LONG, timeout_s=0.3))
    assert status.failure is not None
    assert (status.state, status.failure.reason) == (State.FAILED, "timeout")


def test_cancel_returns_at_once_and_lands(platform: Platform) -> None:
    launch = platform.run(LONG)
    platform.out(launch)
    asked = time.monotonic()
    platform.engine.cancel(launch)
    assert time.monotonic() - asked < 0.2
    assert platform.final(launch).state is State.CANCELLED
    assert time.monotonic() - asked < 5


def test_a_driver_that_ignores_sigterm_is_killed_after_the_grace(platform: Platform) -> None:
    launch = platform.run("import signal; signal.signal(15, signal.SIG_IGN)\n" + SAYS_PID, grace_s=0.3)
    pid = int(platform.out(launch))
    platform.engine.cancel(launch)
    assert platform.final(launch).state is State.CANCELLED
    assert not alive(pid)


def test_a_driver_may_use_the_grace_to_end_well(platform: Platform) -> None:
    source = "import signal, sys\nsignal.signal(15, lambda *_: (print('bye'), sys.exit(0)))\n" + LONG
    launch = platform.run(source)
    platform.out(launch)
    platform.engine.cancel(launch)
    assert platform.final(launch).state is State.CANCELLED
    assert platform.out(launch) == "up\nbye\n"


def test_cancel_before_the_start_keeps_the_driver_from_starting(platform: Platform) -> None:
    request = platform.request("print('ran')")
    folder = platform.folder(request.token)
    folder.create()
    folder.ask_cancel()
    launch = platform.engine.submit(request)
    assert platform.final(launch).state is State.CANCELLED
    assert not folder.stdout.exists()
    assert platform.engine.usage(launch).intervals == ()


def test_children_end_with_the_driver_even_in_sessions_of_their_own(platform: Platform) -> None:
    source = (
        "import subprocess\n"
        "children = [subprocess.Popen(['sleep', '600'], start_new_session=new) for new in (False, True)]\n"
        "print(*[child.pid for child in children])"
    )
    launch = platform.run(source)
    assert platform.final(launch).state is State.SUCCEEDED
    pids = [int(pid) for pid in platform.out(launch).split()]
    assert len(pids) == 2
    assert not any(alive(pid) for pid in pids)


def test_a_killed_supervisor_takes_the_run_with_it(platform: Platform) -> None:
    source = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "print(os.getpid(), child.pid)\n"
        "time.sleep(600)"
    )
    launch = platform.run(source)
    driver, escaped = (int(pid) for pid in platform.out(launch).split())
    os.kill(platform.supervisor_pid(launch), signal.SIGKILL)
    wait_until(lambda: not alive(driver), patience_s=2)
    status = platform.final(launch)
    assert status.failure is not None
    assert (status.state, status.native) == (State.FAILED, "supervisor_died")
    assert status.failure.failure_class is FailureClass.PLATFORM
    assert not alive(escaped)
    assert platform.engine.usage(launch).complete
    assert platform.engine.status(launch).ended_at == status.ended_at


def test_a_run_whose_supervisor_was_killed_is_never_started_again(platform: Platform) -> None:
    request = platform.request(SAYS_PID)
    launch = platform.engine.submit(request)
    platform.out(launch)
    os.kill(platform.supervisor_pid(launch), signal.SIGKILL)
    assert platform.final(launch).state is State.FAILED
    assert platform.engine.submit(request) == launch
    subprocess.run(
        [sys.executable, "-m", "engineshed.processes.supervisor", str(platform.folder(launch.token).path)],
        check=True,
        capture_output=True,
    )
    wait_until(lambda: platform.folder(launch.token).exit() is not None)
    assert platform.final(launch).native == "supervisor_died"
    assert len(platform.out(launch).splitlines()) == 1


def test_a_supervisor_told_to_end_is_no_cancel(platform: Platform) -> None:
    launch = platform.run(LONG)
    platform.out(launch)
    os.kill(platform.supervisor_pid(launch), signal.SIGTERM)
    status = platform.final(launch)
    assert status.failure is not None
    assert (status.failure.failure_class, status.failure.reason) == (FailureClass.PLATFORM, "terminated")


def test_a_deleted_folder_is_a_lost_launch(platform: Platform) -> None:
    launch = platform.run("pass")
    platform.final(launch)
    path = platform.folder(launch.token).path
    path.rename(path.with_name("elsewhere"))
    with pytest.raises(LaunchLost, match=str(launch.token)):
        platform.engine.status(launch)
    platform.engine.cancel(launch)


def test_another_request_under_the_same_token_is_refused(platform: Platform) -> None:
    first = platform.request("pass")
    platform.final(platform.engine.submit(first))
    second = Request("bare", first.token, {**first.body, "timeout_s": 1.0})
    with pytest.raises(SubmitRejected) as refused:
        platform.engine.submit(second)
    assert first.digest in str(refused.value)
    assert second.digest in str(refused.value)


def test_a_request_that_was_written_but_never_started_starts_at_the_next_submit(platform: Platform) -> None:
    request = platform.request("print('ran')")
    folder = platform.folder(request.token)
    folder.create()
    folder.put_request(request.canonical(), LONG_AGO)
    assert platform.engine.find(request.token) is None
    launch = platform.engine.submit(request)
    assert launch.submitted_at == LONG_AGO
    assert platform.final(launch).state is State.SUCCEEDED
