"""What docs/doubles.md shows runs as it stands there, and its table names every fault."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from engineshed.testing.emr import CallTrouble, ClusterTrouble, StepTrouble
from engineshed.testing.emr.api import HANDLERS

PAGE = (Path(__file__).parents[3] / "docs" / "doubles.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## EMR\n")[2].partition("\n## ")[0]
SIMULATION, EXECUTION = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)


def test_the_simulation_holds_what_it_asserts() -> None:
    exec(compile(SIMULATION, "docs/doubles.md", "exec"), {})


def test_the_fixture_and_its_test_run(tmp_path: Path) -> None:
    (tmp_path / "test_hello.py").write_text(EXECUTION)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_hello.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("trouble", [*CallTrouble, *ClusterTrouble, *StepTrouble])
def test_every_fault_is_in_the_table(trouble: CallTrouble | ClusterTrouble | StepTrouble) -> None:
    assert re.search(rf"^\|.*\b{trouble.name}\b", SECTION, re.MULTILINE)


def test_the_number_of_operations_is_right() -> None:
    assert f"of {len(HANDLERS)} operations" in SECTION
