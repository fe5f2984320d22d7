"""The page on moving from PipesEMRClient, done as it says: both ways run the same script, and few lines are new."""

from __future__ import annotations

import json
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
import yaml
from botocore.loaders import Loader

from engineshed.testing.emr import EmrDouble

PAGE = Path(__file__).parents[3] / "docs" / "migration.md"


def blocks() -> dict[str, str]:
    """The page's blocks of the section, by what they are."""
    section = PAGE.read_text(encoding="utf-8").split("## From PipesEMRClient")[1].split("\n## ")[0]
    found = re.findall(r"```(?:python|yaml)\n(.*?)```", section, re.DOTALL)
    return dict(zip(("before", "after", "script", "location"), found, strict=True))


def shorten_the_waiters(folder: Path) -> None:
    """EMR's waiters as boto3 has them, but for the half minute between two looks."""
    waiters = Loader().load_service_model("emr", "waiters-2")
    for waiter in waiters["waiters"].values():
        waiter.update(delay=0.2, maxAttempts=2000)
    path = folder / "emr" / "2009-03-31" / "waiters-2.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(waiters))


def price_list() -> dict[str, Any]:
    """The price of the page's one machine."""
    items = {"ec2:m5.xlarge": "0.192", "emr:m5.xlarge": "0.048", "ebs:gp3": "0.00011"}
    stated = {"region": "us-east-1", "source": "this test", "as_of": "2026-11-01"}
    prices = [
        {"item": item, "market": "on_demand" if item.startswith("ec2") else "", "usd_per_hour": usd, **stated}
        for item, usd in items.items()
    ]
    machine = {"name": "m5.xlarge", "platforms": ["emr"], "vcpus": 4, "memory_gib": "16", "architecture": "x86_64"}
    return {"version": 1, "currency": "USD", "prices": prices, "machines": [machine]}


@pytest.fixture
def emr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmrDouble]:
    """An account that has the page's bucket, at the addresses that boto3 reads from its variables."""
    shorten_the_waiters(tmp_path / "botocore")
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path / "botocore"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with EmrDouble(execute=True, time_scale=0.002) as double:
        double.neighbours.make_bucket("jobs")
        for name, value in double.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", double.endpoint_url)
        yield double
        assert double.bugs == []


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emr: EmrDouble) -> Path:
    """A folder with the page's files; location.yaml also says that AWS is elsewhere."""
    page = blocks()
    location = yaml.safe_load(page["location"])
    location["engines"]["emr"] |= {"endpoint_url": emr.endpoint_url, "spot": False, "managed_scaling": False}
    location["store"] = {"endpoint_url": emr.neighbours.endpoint_url, "region": "us-east-1"}
    (tmp_path / "location.yaml").write_text(yaml.safe_dump(location))
    (tmp_path / "events.py").write_text(page["script"])
    (tmp_path / "prices.json").write_text(json.dumps(price_list()))
    (tmp_path / "platform.yaml").write_text(f"price_list: {tmp_path}/prices.json\npolicy: {{pin: emr}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENGINESHED_PLATFORM", str(tmp_path / "platform.yaml"))
    return tmp_path


def materialise(source: str) -> tuple[dict[str, Any], list[str]]:
    """The metadata of the one materialisation of `events`, and what the run's log says."""
    module = types.ModuleType("moved")
    sys.modules["moved"] = module
    exec(compile(source, "moved.py", "exec", dont_inherit=True), module.__dict__)
    defs: dg.Definitions = module.__dict__["defs"]
    with dg.instance_for_test() as instance:
        result = defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
        assert result.success
        (event,) = result.asset_materializations_for_node("events")
        lines = [record.user_message or "" for record in instance.all_logs(result.run_id)]
    return {name: value.value for name, value in event.metadata.items()}, lines


def test_at_most_five_lines_are_new() -> None:
    page = blocks()
    before = set(page["before"].splitlines())
    new = [line for line in page["after"].splitlines() if line.strip() and line not in before]
    assert len(new) <= 5
    assert all(len(line) <= 120 for line in new)


@pytest.mark.needs_java
def test_the_old_asset_runs_the_script_by_dagsters_client(emr: EmrDouble) -> None:
    s3 = boto3.client("s3", endpoint_url=emr.neighbours.endpoint_url)
    s3.put_object(Bucket="jobs", Key="events.py", Body=blocks()["script"].encode())
    said, lines = materialise(blocks()["before"])
    assert said["rows"] == 100
    assert any("100 rows" in line for line in lines)


@pytest.mark.needs_java
def test_the_moved_asset_runs_its_script_unchanged(project: Path, emr: EmrDouble) -> None:
    said, lines = materialise(blocks()["after"])
    assert said["rows"] == 100
    assert any("100 rows" in line for line in lines)
    assert sum(float(v) for name, v in said.items() if "usd" in name and isinstance(v, int | float)) > 0
    (cluster,) = emr.submissions
    assert cluster.state.startswith("TERMINAT")
