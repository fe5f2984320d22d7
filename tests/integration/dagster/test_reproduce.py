"""`engineshed reproduce`: a recorded result made again from its staged code, compared, and kept away from the data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from .project import Project


def _reproduce(project: Project, run: dg.DagsterRun, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "engineshed"), "reproduce", run.run_id[:8], "--json", *arguments],
        env={**os.environ, "ENGINESHED_LOCATION": str(project.folder / "location.yaml")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or "[]"), done.stderr


def _data(project: Project) -> dict[str, tuple[int, int]]:
    root = project.folder / "home" / "data"
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(root.rglob("*"))}


@pytest.mark.parametrize("engine", ["sail", pytest.param("local", marks=pytest.mark.needs_java)])
def test_the_same_content_on_the_same_and_on_another_engine(project: Project, engine: str) -> None:
    run = project.run("on_spark", tags={"engineshed/engine": "sail"})
    assert run.status is dg.DagsterRunStatus.SUCCESS, project.said(run)
    before = _data(project)
    (project.folder / "payloads" / "doubling.py").write_text("raise RuntimeError('changed since')\n")
    (project.folder / "payloads" / "on_spark.py").write_text("raise RuntimeError('changed since')\n")
    code, (compared,), said = _reproduce(project, run, "--engine", engine)
    assert code == 0, said
    assert compared["equal"] is True
    assert (compared["recorded_engine"], compared["engine"]) == ("sail", engine)
    assert compared["recorded_hash"] == compared["hash"]
    assert compared["rows"] == compared["recorded_rows"] == 10
    assert _data(project) == before
    assert len(project.marks) == 2
    assert len(project.materialisations("on_spark")) == 1


def test_content_that_differs_is_told(project: Project) -> None:
    run = project.run("random")
    code, (compared,), said = _reproduce(project, run)
    assert code == 1, said
    assert compared["equal"] is False
    assert "differ" in said


def test_a_run_that_is_not_known_is_said(project: Project) -> None:
    run = project.run("raises")
    code, compared, said = _reproduce(project, run)
    assert code != 0
    assert compared == []
    assert "no successful Spark attempt" in said
    assert "Traceback" not in said


def test_one_of_many_partitions(project: Project) -> None:
    run = project.run("numbers", partition="b")
    before = _data(project)
    code, (compared,), said = _reproduce(project, run)
    assert code == 0, said
    assert (compared["partition"], compared["table"]) == ("b", "numbers")
    assert _data(project) == before
