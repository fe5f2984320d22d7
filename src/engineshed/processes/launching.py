"""Making a run real: write its request, start its supervisor, return when there is something to see.

Idempotent per folder from any number of processes and threads at once: the first request written stays, and supervisors
settle among themselves which one runs the driver.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from datetime import datetime

from engineshed.model.errors import PlatformBusy, SubmitRejected
from engineshed.model.failure import FailureClass
from engineshed.model.request import Request
from engineshed.processes import leftovers
from engineshed.processes.folder import RunFolder


def launch(folder: RunFolder, request: Request, *, now: datetime, wait_s: float) -> None:
    """Make sure that the request runs, or has run, in this folder.

    Raises SubmitRejected when the folder holds another request or cannot be written, and PlatformBusy when no
    supervisor has shown itself within `wait_s` seconds (repeat the call).
    """
    try:
        folder.create()
        folder.put_request(request.canonical(), now)
    except OSError as error:
        raise SubmitRejected(
            f"engine {request.engine}: the run folder {folder.path} cannot be written ({error}): "
            "make room there, or give engineshed another home.",
            FailureClass.PLATFORM,
        ) from error
    _same_request(folder, request)
    if folder.start() or folder.exit():
        return
    _supervise(folder, wait_s)
    if not (folder.start() or folder.exit()):
        raise PlatformBusy(
            f"engine {request.engine}: no supervisor of run {request.token} showed itself within {wait_s:g} s: "
            f"submit again; if that does not help, read {folder.supervisor_log}."
        )


def _same_request(folder: RunFolder, request: Request) -> None:
    plain = folder.request()
    there = Request(plain["engine"], plain["token"], plain["body"])
    if there.digest != request.digest:
        raise SubmitRejected(
            f"engine {request.engine}: token {request.token} was submitted before with another request "
            f"(digest {there.digest}, now {request.digest}): take a new token for a new request."
        )


def _supervise(folder: RunFolder, wait_s: float) -> None:
    seen, shown = os.pipe()
    try:
        # -P: a folder named like one of our modules must not be imported. The process forks and ends at once, so that
        # its child belongs to nobody here: no zombie, no terminal, no process group of ours.
        starter = subprocess.Popen(
            [sys.executable, "-P", "-m", "engineshed.processes.supervisor", str(folder.path)],
            env={name: value for name, value in os.environ.items() if name != leftovers.MARK},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=shown,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    finally:
        os.close(shown)
    with os.fdopen(seen, "rb"):
        starter.wait()
        select.select([seen], [], [], wait_s)
