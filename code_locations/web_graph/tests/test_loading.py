"""A wrong setting of the location fails when its definitions are loaded, by file and key; loading asks no engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHIPPED = Path(__file__).parents[1] / "src" / "web_graph" / "location.yaml"


def _load(module: str, settings: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = folder / "location.yaml"
    path.write_text(settings)
    environment = {
        **os.environ,
        "ENGINESHED_LOCATION": str(path),
        "ENGINESHED_HOME": str(folder / "home"),
        "ENGINESHED_PAYLOADS": str(SHIPPED.parents[4] / "spark" / "web_graph"),
    }
    return subprocess.run(
        [sys.executable, "-c", f"import sys; import {module}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("module", ["web_graph.definitions", "company_registry.definitions"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("objective: {prefer: [sali]}", "objective.prefer: no such engine; installed: "),
        ("engines: {sail: {frob: 1}}", "engines.sail.frob does not exist: allowed are "),
    ],
)
def test_a_wrong_location_file_fails_at_load_by_file_and_key(
    tmp_path: Path, module: str, wrong: str, said: str
) -> None:
    done = _load(module, f"team: t\ncode_location: l\n{wrong}\n", tmp_path)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "SettingInvalid" in done.stderr
    assert str(tmp_path / "location.yaml") in last
    assert said in last
    assert not (tmp_path / "home").exists()


def test_loading_imports_no_sdk_and_makes_nothing(tmp_path: Path) -> None:
    done = _load("web_graph.definitions", SHIPPED.read_text(), tmp_path)
    assert done.returncode == 0, done.stderr
    assert {"pyspark", "pysail", "boto3", "kubernetes"} & set(done.stdout.split()) == set()
    assert not (tmp_path / "home").exists()
