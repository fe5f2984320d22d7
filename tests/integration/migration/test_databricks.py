"""The page on moving from PipesDatabricksClient, done as it says: both ways run the same script, few lines are new."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from engineshed.testing.databricks import DatabricksDouble

PAGE = Path(__file__).parents[3] / "docs" / "migration.md"
VOLUME = "/Volumes/main/web/exchange"
PATIENCE_S = 300
RUN_BEFORE = """
import json, dagster as dg, before
with dg.instance_for_test() as instance:
    result = before.defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
    (event,) = result.asset_materializations_for_node("events")
    lines = [record.user_message or "" for record in instance.all_logs(result.run_id)]
said = {name: value.value for name, value in event.metadata.items() if isinstance(value.value, (int, str))}
print(json.dumps({"said": said, "lines": lines}))
"""


def blocks() -> dict[str, str]:
    """The page's blocks of the section, by what they are."""
    section = PAGE.read_text(encoding="utf-8").split("## From PipesDatabricksClient")[1].split("\n## ")[0]
    found = re.findall(r"```(?:python|yaml)\n(.*?)```", section, re.DOTALL)
    return dict(zip(("before", "after", "script", "location"), found, strict=True))


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabricksDouble]:
    """A workspace, at the address that the SDK reads from its variables."""
    with DatabricksDouble(execute=True, time_scale=0.002) as double:
        double.make_volume(VOLUME)
        monkeypatch.setenv("DATABRICKS_HOST", double.host)
        monkeypatch.setenv("DATABRICKS_TOKEN", double.token)
        yield double


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace: DatabricksDouble) -> Path:
    """A folder with the page's files, and the prices of its one machine."""
    page = blocks()
    prices = [
        {"item": "ec2:m5.large", "market": "on_demand", "region": "us-east-1", "usd_per_hour": "0.096"},
        {"item": "ebs:gp3", "market": "", "region": "us-east-1", "usd_per_hour": "0.00011"},
        {"item": "dbu:PREMIUM_JOBS_COMPUTE", "market": "", "region": "us-east-1", "usd_per_hour": "0.15"},
    ]
    listed = {
        "version": 1,
        "currency": "USD",
        "prices": [{**price, "source": "this test", "as_of": "2026-11-01"} for price in prices],
        "machines": [
            {
                "name": "m5.large",
                "platforms": ["databricks"],
                "vcpus": 2,
                "memory_gib": "8",
                "architecture": "x86_64",
                "dbus_per_hour": {"standard": "0.34"},
            }
        ],
    }
    (tmp_path / "prices.json").write_text(json.dumps(listed))
    (tmp_path / "platform.yaml").write_text(f"price_list: {tmp_path}/prices.json\npolicy: {{pin: databricks}}\n")
    (tmp_path / "location.yaml").write_text(page["location"])
    (tmp_path / "events.py").write_text(page["script"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENGINESHED_PLATFORM", str(tmp_path / "platform.yaml"))
    return tmp_path


def definitions(source: str) -> dg.Definitions:
    module = types.ModuleType("moved")
    sys.modules["moved"] = module
    exec(compile(source, "moved.py", "exec"), module.__dict__)
    defs: dg.Definitions = module.__dict__["defs"]
    return defs


def test_at_most_five_lines_are_new() -> None:
    page = blocks()
    before = set(page["before"].splitlines())
    new = [line for line in page["after"].splitlines() if line.strip() and line not in before]
    assert len(new) <= 5
    assert all(len(line) <= 120 for line in new)


@pytest.mark.needs_java
def test_the_old_asset_runs_the_script_by_dagsters_client(
    databricks_python: Path, workspace: DatabricksDouble, tmp_path: Path
) -> None:
    workspace.local("/dbfs/events.py").write_text(blocks()["script"])
    (tmp_path / "before.py").write_text(blocks()["before"])
    command = [databricks_python, "-c", RUN_BEFORE]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    heard = json.loads(done.stdout.splitlines()[-1])
    assert heard["said"]["rows"] == 100
    assert any("100 rows" in line for line in heard["lines"])
    assert len(workspace.books.submissions) == 1


@pytest.mark.needs_java
def test_the_moved_asset_runs_its_script_unchanged(project: Path) -> None:
    defs = definitions(blocks()["after"])
    with dg.instance_for_test() as instance:
        result = defs.get_implicit_global_asset_job_def().execute_in_process(instance=instance)
        assert result.success
        (event,) = result.asset_materializations_for_node("events")
        said = {name: value.value for name, value in event.metadata.items()}
        records = instance.all_logs(result.run_id)
    assert said["rows"] == 100
    assert any("100 rows" in (record.user_message or "") for record in records)
    assert said_of_cost(said) > 0


def said_of_cost(said: dict[str, Any]) -> float:
    """The dollars in the asset's metadata, under whatever name."""
    return sum(float(value) for name, value in said.items() if "usd" in name and isinstance(value, int | float))
