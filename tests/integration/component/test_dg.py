"""The real `dg`, in a project as a newcomer makes it: scaffold, check, list, run by hand.

Each test walks one way from end to end, so that few processes start; the group keeps them on one worker.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("dg")

PAGE = (Path(__file__).parents[3] / "docs" / "yaml-assets.md").read_text(encoding="utf-8")
[PYPROJECT] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
[DEFINITIONS] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@dataclass(frozen=True)
class Project:
    root: Path

    @property
    def defs(self) -> Path:
        return self.root / "src" / "farm" / "defs"

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A command of the virtual environment that runs the tests."""
        program = Path(sys.executable).parent / command[0]
        env = {
            **os.environ,
            "COLUMNS": "200",
            "DAGSTER_HOME": "",
            "NO_COLOR": "1",
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.root / "src"),
            "VIRTUAL_ENV": str(program.parent.parent),
            **environment,
        }
        return subprocess.run(
            [str(program), *command[1:]],
            cwd=self.root,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    package = tmp_path / "src" / "farm"
    (package / "defs").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "defs" / "__init__.py").touch()
    (package / "definitions.py").write_text(DEFINITIONS)
    (package / "location.yaml").write_text("team: crops\ncode_location: farm\n")
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    return Project(tmp_path)


def test_what_is_scaffolded_is_listed_checked_and_runs(project):
    scaffolded = project.run("dg", "scaffold", "defs", "engineshed.assets.SparkAssetComponent", "squares")
    assert scaffolded.returncode == 0, scaffolded.stderr
    assert "team: crops" in (project.defs / "squares" / "defs.yaml").read_text()

    # Checks the YAML first, then loads all definitions.
    checked = project.run("dg", "check", "defs")
    assert "All component YAML validated successfully." in checked.stdout, checked.stdout + checked.stderr
    assert checked.returncode == 0, checked.stdout + checked.stderr

    listed = json.loads(project.run("dg", "list", "defs", "--json").stdout)
    [asset] = listed["assets"]
    assert (asset["asset_key"], asset["owners"], asset["kinds"]) == ("squares", [{"team": "crops"}], ["spark"])
    assert asset["source"] == "src/farm/defs/squares/defs.yaml:1"

    script = project.defs / "squares" / "squares.py"
    session = json.dumps({"kind": "sail"})
    ran = project.run("python", str(script), "--out", "out", "--rows", "7", ENGINESHED_SESSION=session)
    assert json.loads(ran.stdout.splitlines()[-1]) == {"squares": 7}, ran.stderr


def test_dg_knows_the_component_and_refuses_wrong_yaml_by_file_line_and_key(project):
    types = json.loads(project.run("dg", "list", "components", "--json").stdout)
    assert "engineshed.assets.SparkAssetComponent" in [entry["key"] for entry in types["items"]]

    (project.defs / "links").mkdir()
    (project.defs / "links" / "defs.yaml").write_text(
        "type: engineshed.assets.SparkAssetComponent\n"
        "attributes:\n"
        "  asset: links\n"
        "  team: crops\n"
        "  backfill: many\n"
        "  job:\n"
        "    script: links.py\n"
        "    resources: {executors: '{{ env.EXECUTORS }}'}\n"
        "    sample: {resources: {cores: 2}}\n"
        "    tables: links\n"
    )
    checked = project.run("dg", "check", "yaml")

    file = project.defs / "links" / "defs.yaml"
    found = [line.removeprefix(f"{file}:") for line in checked.stdout.splitlines() if line.startswith(f"{file}:")]
    assert checked.returncode != 0
    assert {(line.split()[0], line.split()[3]) for line in found} == {
        ("5", "attributes.backfill"),
        ("9", "attributes.job.sample.resources.cores"),
        ("10", "attributes.job.tables"),
    }
    assert "'many' is not one of ['single_run', 'multi_run']" in checked.stdout
