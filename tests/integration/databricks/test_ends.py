"""How scripts end on the double's drivers, and how they are ended."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.integration.databricks.clients import VOLUME, Workspace, task
from tests.integration.databricks.scripts import final, output, put, run, wait_for

from engineshed.testing.databricks import Faults, RunFault, RunTrouble


@pytest.mark.parametrize(
    ("script", "result", "error"),
    [
        ("import sys; sys.exit(0)", "SUCCESS", None),
        ("import sys; sys.exit()", "SUCCESS", None),
        ("import sys; sys.exit(3)", "FAILED", "SystemExit: 3"),
        ("import sys; sys.exit('no crawl')", "FAILED", "SystemExit: no crawl"),
        ("def f():\n  raise ValueError('no such crawl')\nf()", "FAILED", "ValueError: no such crawl"),
        ("this is no python", "FAILED", "SyntaxError: invalid syntax (script.py, line 1)"),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "FAILED",
            "Fatal error: The Python kernel is unresponsive.",
        ),
    ],
)
def test_how_a_script_ends(drivers: Workspace, script: str, result: str, error: str | None) -> None:
    done = run(drivers, script)
    left = output(drivers, done)
    assert (done["state"]["result_state"], left.get("error")) == (result, error)
    if error:
        assert done["status"]["termination_details"]["code"] == "RUN_EXECUTION_ERROR"
        assert done["status"]["termination_details"]["type"] == "CLIENT_ERROR"
    if "ValueError" in (error or ""):
        assert f'File "{VOLUME}/script.py", line 2, in f' in left["error_trace"]
        assert "repl.py" not in left["error_trace"]
        assert left["error_trace"] in left["logs"]


def test_what_a_script_started_ends_with_it_and_atexit_is_not_called(drivers: Workspace) -> None:
    script = f"""
        import atexit, subprocess, threading, time
        from pathlib import Path
        atexit.register(lambda: Path("{VOLUME}/atexit").write_text("called"))
        subprocess.Popen(["sleep", "598"])
        threading.Thread(target=time.sleep, args=(598,)).start()
    """
    started = time.monotonic()
    assert run(drivers, script)["state"]["result_state"] == "SUCCESS"
    assert time.monotonic() - started < 30
    assert not drivers.double.local(f"{VOLUME}/atexit").exists()
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if p.read_bytes() == b"sleep\x00598\x00"]


WAITS = """
    import time
    from pathlib import Path
    try:
        Path("{volume}/{name}").write_text("started")
        time.sleep(600)
    except KeyboardInterrupt:
        Path("{volume}/{name}-interrupted").write_text("told")
        {then}
"""


@pytest.mark.parametrize(("name", "then"), [("gives-in", "raise"), ("goes-on", "time.sleep(600)")])
def test_cancel_interrupts_the_script_and_then_kills_it(drivers: Workspace, name: str, then: str) -> None:
    file = put(drivers, f"{VOLUME}/{name}.py", WAITS.format(volume=VOLUME, name=name, then=then))
    run_id = drivers.submit(task(spark_python_task={"python_file": file}))
    wait_for(drivers, name)
    asked = time.monotonic()
    drivers.client.jobs.cancel_run(run_id)
    assert time.monotonic() - asked < 5
    run = final(drivers, run_id)
    assert run["state"]["result_state"] == "CANCELED"
    wait_for(drivers, f"{name}-interrupted")
    assert run["end_time"] - run["start_time"] < 60_000


def test_a_script_over_its_time_is_ended(drivers: Workspace) -> None:
    done = run(drivers, WAITS.format(volume=VOLUME, name="too-long", then="raise"), timeout_seconds=2)
    assert done["state"]["result_state"] == "TIMEDOUT"


def test_a_lost_driver_takes_the_script_with_it(drivers: Workspace) -> None:
    drivers.double.plan(Faults(runs=(RunFault(trouble=RunTrouble.DRIVER_LOST, at_s=1.0),)))
    done = run(drivers, WAITS.format(volume=VOLUME, name="lost", then="raise"))
    assert done["status"]["termination_details"]["code"] == "CLOUD_FAILURE"
    assert not drivers.double.local(f"{VOLUME}/lost-interrupted").exists()


def test_get_output_gives_the_last_five_megabytes(drivers: Workspace) -> None:
    done = run(drivers, "print('first'); print('x' * 6_000_000); print('last')")
    left = output(drivers, done)
    assert (len(left["logs"]), left["logs_truncated"]) == (5 * 1024 * 1024, True)
    assert left["logs"].endswith("last\n")
