"""What YARN does with a driver of cluster mode: `container FOLDER` runs the order that lies there, detached, attempt
by attempt.

It belongs to no step: cancelling the step that submitted it does not touch it, as on EMR; it ends with its
application or with its cluster.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from engineshed.testing.emr import environment
from engineshed.testing.emr.commands import applications
from engineshed.testing.emr.commands.fetching import NotFetched
from engineshed.testing.emr.commands.spark_submit import localize

_POLL_S = 0.05


def main(folder: Path) -> None:
    """Detach and run."""
    if os.fork():
        os._exit(0)
    os.setsid()
    application = applications.Application(folder.name, folder)
    order = json.loads((folder / "order.json").read_text())
    failed = True
    for attempt in range(1, order["attempts"] + 1):
        failed = _attempt(application, order, attempt) != 0
        if not failed or applications.state(application) in applications.FINAL:
            break
    applications.say(application, "FAILED" if failed else "FINISHED")


def _attempt(application: applications.Application, order: dict[str, Any], attempt: int) -> int:
    variables = dict(environment.of_process())
    disk, container = Path(variables["EMR_DOUBLE_DISK"]), application.container(attempt)
    folder = application.folder / container
    logs = disk / "logs" / "containers" / application.id / container
    folder.mkdir()
    logs.mkdir(parents=True)
    conf, local = folder / "__spark_conf__", application.folder / f"{container}-local"
    conf.mkdir()
    local.mkdir()
    with (logs / "stdout").open("wb") as stdout, (logs / "stderr").open("wb") as stderr:
        try:
            localize(order["localized"], folder)
        except NotFetched as error:
            stderr.write(f"{error}\n".encode())
            return 1
        process = subprocess.Popen(
            order["argv"],
            # A folder without spark-env.sh: in cluster mode the driver does not read it.
            env={
                **variables,
                "SPARK_CONF_DIR": str(conf),
                "CONTAINER_ID": container,
                "LOCAL_DIRS": str(local),
                **order["env"],
            },
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        applications.say(application, "RUNNING", process.pid)
        code = _wait(process, int(variables["EMR_DOUBLE_PID"]))
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for path in (folder, local):
        shutil.rmtree(path, ignore_errors=True)
    return code


def _wait(process: subprocess.Popen[bytes], double_pid: int) -> int:
    """Its exit code; it does not outlive the double."""
    while process.poll() is None:
        try:
            os.kill(double_pid, 0)
        except ProcessLookupError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        time.sleep(_POLL_S)
    return process.returncode


if __name__ == "__main__":
    main(Path(sys.argv[1]))
