"""Dagster's sensor daemon for one round, killed where it is asked to: `python sensor_daemon.py FOLDER POINT`."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.sensor import execute_sensor_iteration

from engineshed.running.definitions import BACKFILL_SENSOR


def target_of(folder: Path) -> PythonFileTarget:
    """The code location that lies in the folder."""
    return PythonFileTarget(
        python_file=str(folder / "definitions.py"),
        attribute=None,
        working_directory=str(folder),
        location_name="tests",
    )


def main() -> None:
    folder, point = Path(sys.argv[1]), sys.argv[2]
    with (
        dg.DagsterInstance.from_config(str(folder / "dagster")) as instance,
        WorkspaceProcessContext(instance, target_of(folder)) as context,
    ):
        crash = {BACKFILL_SENSOR: {point: signal.SIGKILL}}
        logger = logging.getLogger("daemon")
        list(execute_sensor_iteration(context, logger, None, None, debug_crash_flags=crash))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
