"""A code server that its settings or its code refuse says why in its last line: what `kubectl logs --tail 1` shows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASSET = """from engineshed import SparkJob, spark_asset
edges = spark_asset("edges", SparkJob(name="edges", script="/nowhere/edges.py"), team="web")
"""
RESOURCE = """import dagster as dg
from engineshed import Engineshed
defs = dg.Definitions(resources={"engineshed": Engineshed(location_file=LOCATION)})
"""
CAUGHT = """from engineshed.model.errors import SettingInvalid
try:
    Engineshed(location_file=LOCATION)
except SettingInvalid:
    pass
raise ValueError("another fault")
"""


def _last_line(folder: Path, code: str) -> str:
    location = folder / "location.yaml"
    location.write_text(
        "team: web\ncode_location: web_graph\nengines:\n  kubernets: {image: spark}\n", encoding="utf-8"
    )
    (folder / "definitions.py").write_text(f"LOCATION = {str(location)!r}\n{code}", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "dagster",
        "api",
        "grpc",
        "--socket",
        str(folder / "socket"),
        "-f",
        "definitions.py",
    ]
    env = {"PATH": os.environ["PATH"], "DAGSTER_DISABLE_TELEMETRY": "yes"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (RESOURCE, "location.yaml: engines.kubernets: not installed, is it kubernetes? Installed engines: "),
        (ASSET, "engineshed: job 'edges': script /nowhere/edges.py is not a file."),
    ],
)
def test_a_code_server_that_is_refused_ends_with_the_sentence(tmp_path: Path, code: str, said: str) -> None:
    line = _last_line(tmp_path, code)
    assert line.startswith("engineshed: ")
    assert said in line


def test_a_refusal_that_was_caught_is_not_repeated_below_another_fault(tmp_path: Path) -> None:
    assert "engineshed: " not in _last_line(tmp_path, RESOURCE.replace("defs =", CAUGHT + "defs ="))
