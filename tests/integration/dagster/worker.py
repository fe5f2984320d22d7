"""Run workers to kill: a process that has loaded all that a run needs, and forks one worker for each order.

One JSON object a line on standard input, the worker's process id on standard output:
{"do": "launch" | "reexecute" | "resume", "folder": .., "env": {..}, "log": .., ..}.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.dataset  # loaded once for all workers
import pyarrow.parquet  # noqa: F401
import sqlalchemy.dialects.sqlite  # noqa: F401
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository

import engineshed.assets  # noqa: F401
from engineshed.storage.ledger import open_ledger


def _job(folder: Path) -> ReconstructableJob:
    repository = ReconstructableRepository.for_file(str(folder / "definitions.py"), "defs", str(folder))
    return repository.get_reconstructable_job("__ASSET_JOB")


def _launch(order: dict[str, Any], instance: dg.DagsterInstance) -> None:
    dg.execute_job(
        _job(Path(order["folder"])),
        instance,
        run_config=order["config"],
        tags=order["tags"],
        asset_selection=[dg.AssetKey(name.split("/")) for name in order["assets"]],
    )


def _reexecute(order: dict[str, Any], instance: dg.DagsterInstance) -> None:
    make = dg.ReexecutionOptions.from_failure if order["from_failure"] else dg.ReexecutionOptions
    options = make(order["run_id"], instance) if order["from_failure"] else make(parent_run_id=order["run_id"])
    dg.execute_job(_job(Path(order["folder"])), instance, tags=order["tags"], reexecution_options=options)


def _resume(order: dict[str, Any], instance: dg.DagsterInstance) -> None:
    """As a launcher starts a worker for a run that has one already."""
    from dagster._cli.api import _resume_run_command_body

    _resume_run_command_body(order["run_id"], instance, lambda event: None, set_exit_code_on_failure=False)


_DEEDS = {"launch": _launch, "reexecute": _reexecute, "resume": _resume}


def _work(order: dict[str, Any]) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for given, standard in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(given, standard)
    os.environ.update(order["env"])
    sys.path[0] = order["folder"]
    with dg.DagsterInstance.from_config(str(Path(order["folder"]) / "dagster")) as instance:
        _DEEDS[order["do"]](order, instance)


def _warm_up() -> None:
    """Import all that a run imports late, so that no worker does."""

    @dg.asset
    def nothing() -> None: ...

    logging.disable()
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.local_temp(folder) as instance:
        dg.materialize([nothing], instance=instance)
        open_ledger(f"sqlite:///{folder}/ledger.db")
    logging.disable(logging.NOTSET)


def main() -> None:
    """Fork workers until standard input ends."""
    _warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here waits for them
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                _work(order)
            except Exception:
                logging.exception("the worker died")
                raise
            finally:
                sys.stdout.flush()
                os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
