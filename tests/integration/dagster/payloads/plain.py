"""A job in plain Python over stock Pipes: ten lines of log, one table, and one way to end badly on demand."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import dagster_pipes


def _mark(settings: dict[str, Any], token: str) -> None:
    """What the test counts submissions by."""
    with Path(settings["marks"]).open("a", encoding="utf-8") as marks:
        marks.write(json.dumps({"token": token, "pid": os.getpid(), "engine": _engine()}) + "\n")


def _engine() -> str:
    return str(json.loads(os.environ.get("ENGINESHED_SESSION", '{"kind": "elsewhere"}'))["kind"])


def _write(job: dict[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = job["settings"]["rows"]
    for key, prefix in job["outputs"].items():
        chance = random.random() if job["settings"]["act"] == "random" else 0.0
        table = pa.table({"n": list(range(rows)), "key": [key] * rows, "chance": [chance] * rows})
        folder = Path(prefix, "numbers")
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / "part-0.parquet")


def _run(pipes: dagster_pipes.PipesContext) -> None:
    job = pipes.get_extra("engineshed")
    settings = job["settings"]
    _mark(settings, job["token"])
    for n in range(1, 6):
        pipes.log.info("line %s", n)
    while not Path(settings["gate"]).exists():
        time.sleep(0.02)
    for n in range(6, 11):
        pipes.log.info("line %s", n)
    if settings["act"].startswith("raise"):
        raise ValueError("no such crawl")
    if any(Path(settings["gate"]).with_name(f"spoiled-{key}").exists() for key in job["outputs"]):
        raise ValueError("the partition is spoiled")
    if settings["act"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    _write(job)
    pipes.report_custom_message({"engineshed/report": {"counts": {"pages": 12, "dropped": 3}}})
    pipes.report_custom_message({"engineshed/seal": {"tables": {key: {"numbers": None} for key in job["outputs"]}}})


def main() -> None:
    quietly = False
    try:
        with dagster_pipes.open_dagster_pipes() as pipes:
            quietly = pipes.get_extra("engineshed")["settings"]["act"] == "raise_quietly"
            _run(pipes)
    except ValueError:
        if not quietly:
            raise
        sys.exit(0)


if __name__ == "__main__":
    main()
