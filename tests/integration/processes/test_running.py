"""What a run is given, and what it leaves behind."""

import os
import signal
import stat
import subprocess
import sys

import pytest

from engineshed.model.status import State
from engineshed.processes.leftovers import MARK

from .conftest import Platform, wait_until

BURN = "import time; end = time.process_time() + 0.4\nwhile time.process_time() < end: pass"


def test_the_folder_is_its_owner_s_alone(platform: Platform) -> None:
    launch = platform.run("pass")
    platform.final(launch)
    folder = platform.folder(launch.token).path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "request.json").stat().st_mode) == 0o600


def test_what_the_driver_inherits_is_not_written_down(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "s3cr3t")
    launch = platform.run("import os; print(os.environ['A_SECRET'][::-1], os.environ['WORD'])", env={"WORD": "given"})
    assert platform.final(launch).state is State.SUCCEEDED
    assert platform.out(launch) == "t3rc3s given\n"
    assert "s3cr3t" not in (platform.folder(launch.token).path / "request.json").read_text(encoding="utf-8")


def test_a_launcher_inside_another_run_does_not_pass_its_mark_on(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MARK, "es-of-the-outer-run")
    launch = platform.run("import time; print('up'); time.sleep(600)")
    platform.out(launch)
    with open(f"/proc/{platform.supervisor_pid(launch)}/environ", "rb") as environment:
        assert b"es-of-the-outer-run" not in environment.read()
    platform.engine.cancel(launch)
    platform.final(launch)


def test_a_driver_has_a_session_and_a_folder_of_its_own(platform: Platform) -> None:
    launch = platform.run("import os; print(os.getsid(0) == os.getpid(), os.getcwd())")
    platform.final(launch)
    assert platform.out(launch) == f"True {platform.folder(launch.token).work}\n"


def test_scratch_is_there_for_the_run_and_gone_after_it(platform: Platform) -> None:
    request = platform.request("import os; os.mkdir('../scratch/spill'); print('made')")
    launch = platform.engine.submit(request)
    assert platform.final(launch).state is State.SUCCEEDED
    assert not platform.folder(launch.token).scratch.exists()


def test_the_meter_counts_children_too(platform: Platform) -> None:
    launch = platform.run(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])\n{BURN}")
    platform.final(launch)
    measures = platform.engine.usage(launch).measures
    assert measures["cpu_s"] >= 0.8
    assert measures["exit_code"] == 0
    assert measures["max_rss_bytes"] > 1024**2


def test_a_flood_of_output_keeps_its_start_and_its_end(platform: Platform) -> None:
    source = "print('first')\nfor n in range(100_000): print('x' * 60)\nprint('last')"
    launch = platform.run(source, log_limit_bytes=10_000)
    platform.final(launch)
    log = platform.folder(launch.token).stdout.read_text(encoding="utf-8")
    assert len(log) < 200_000
    assert log.startswith("first\n")
    assert "bytes dropped here" in log
    assert log.endswith("last\n")


def test_logs_of_a_living_run_arrive_in_whole_lines(platform: Platform) -> None:
    launch = platform.run("import sys, time; sys.stdout.write('one\\ntw'); sys.stdout.flush(); time.sleep(600)")
    wait_until(lambda: platform.engine.logs(launch).text != "")
    chunk = platform.engine.logs(launch)
    assert chunk.text == "one\n"
    assert platform.engine.logs(launch, chunk.cursor).text == ""
    platform.engine.cancel(launch)
    platform.final(launch)
    assert platform.engine.logs(launch, chunk.cursor).text == "tw"


def test_the_supervisor_hears_hang_up_and_interrupt_and_goes_on(platform: Platform) -> None:
    launch = platform.run("import sys, time\nprint('up')\ntime.sleep(0.5)\nprint('on')")
    platform.out(launch)
    for number in (signal.SIGHUP, signal.SIGINT):
        os.kill(platform.supervisor_pid(launch), number)
    assert platform.final(launch).state is State.SUCCEEDED


def test_the_supervisor_is_light() -> None:
    source = "import sys, engineshed.processes.supervisor; print([name for name in sys.argv if name in sys.modules])"
    heavy = ["dagster", "pyarrow", "pydantic", "packaging", "asyncio", "importlib.metadata"]
    done = subprocess.run([sys.executable, "-c", source, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
