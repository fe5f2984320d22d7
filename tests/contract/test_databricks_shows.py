"""What people see of a run on Databricks: its log while it lives and afterwards, links, and what doctor finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.contract.workspaces import NEW_CLUSTER, VOLUME, SimulatedWorkspace

from engineshed.engines.databricks import build
from engineshed.model.errors import ChannelError
from engineshed.model.launch import Launch
from engineshed.model.status import State
from engineshed.ports.engine import Check, Surroundings
from engineshed.testing.clock import VirtualClock
from engineshed.testing.databricks import CallFault, CallTrouble, DatabricksDouble, Faults, Script
from engineshed.testing.databricks.records import TaskRun

Make = Callable[..., SimulatedWorkspace]

LOGGED = {"log_folder": f"{VOLUME}/logs"}
SERVERLESS: Mapping[str, Any] = {"kind": "serverless", "environment_version": "4"}


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabricksDouble]:
    with DatabricksDouble() as started:
        monkeypatch.setenv("DATABRICKS_HOST", started.host)
        monkeypatch.setenv("DATABRICKS_TOKEN", started.token)
        started.make_volume(VOLUME)
        yield started


@pytest.fixture
def workspace(double: DatabricksDouble, tmp_path: Path) -> Make:
    def make(*compute: Mapping[str, Any], says: Mapping[float, str] | None = None, **more: Any) -> SimulatedWorkspace:
        def saying(text: str) -> Callable[[TaskRun], None]:
            return lambda task: double.platform.logs.write(task, "stdout", text.encode())

        deeds = tuple((at_s, saying(text)) for at_s, text in (says or {}).items())
        double.renew(scripts=Script(lasts_s=3 * 3600.0, deeds=deeds))
        return SimulatedWorkspace(double, tmp_path, *(compute or (NEW_CLUSTER,)), **more)

    return make


class Reader:
    """Who shows a run's log."""

    def __init__(self, here: SimulatedWorkspace, launch: Launch) -> None:
        self.here, self.launch, self.engine, self.cursor = here, launch, here.engine, ""

    def read(self) -> str:
        """All that is there now."""
        texts = []
        while (chunk := self.engine.logs(self.launch, self.cursor)).text:
            assert len(chunk.text.encode()) <= 64 * 1024
            texts.append(chunk.text)
            self.cursor = chunk.cursor
        return "".join(texts)


def lines(count: int, of: str) -> str:
    return "".join(f"{of} {number}\n" for number in range(count))


def test_a_log_is_shown_as_it_is_delivered_and_over_the_hours(workspace: Make) -> None:
    says = {60.0: lines(3, "first"), 1000.0: lines(5000, "second"), 4000.0: lines(2, "third"), 9000.0: "fourth 0\n"}
    here = workspace(says=says, **LOGGED)
    reader = Reader(here, here.submit())
    shown = [reader.read()]
    for _ in range(3 * 60 + 30):
        here.clock.sleep(60)
        shown.append(reader.read())
    whole = "".join(says.values())
    assert "".join(shown) == whole
    first = next(number for number, text in enumerate(shown) if text)
    last = max(number for number, text in enumerate(shown) if text)
    assert first < 20
    assert shown[first].startswith("first 0")
    assert last > 140


def test_another_process_goes_on_where_the_first_stopped(workspace: Make) -> None:
    here = workspace(says={60.0: lines(10, "first"), 4000.0: lines(10, "second")}, **LOGGED)
    reader = Reader(here, here.submit())
    here.clock.sleep(1500)
    before = reader.read()
    here.clock.sleep(5000)
    reader.engine = here.build()
    assert before + reader.read() == lines(10, "first") + lines(10, "second")


@pytest.mark.parametrize(("compute", "more"), [(NEW_CLUSTER, {}), (SERVERLESS, LOGGED)])
def test_without_a_folder_the_runs_own_output_is_shown_at_its_end(
    compute: Mapping[str, Any], more: Mapping[str, Any], workspace: Make
) -> None:
    here = workspace(compute, says={60.0: lines(9000, "straße")}, **more)
    reader = Reader(here, here.submit())
    here.until(reader.launch, State.RUNNING)
    assert reader.read() == ""
    here.ended(reader.launch)
    assert reader.read() == lines(9000, "straße")


def test_a_run_that_ended_before_anything_was_delivered_is_shown_all_the_same(workspace: Make) -> None:
    here = workspace(says={10.0: "said at once\n"}, **LOGGED)
    here.double.plan(Faults(log_push_s=10 * 3600.0))
    reader = Reader(here, here.submit())
    here.ended(reader.launch)
    assert reader.read() == "said at once\n"


def test_a_cursor_of_another_kind_is_refused(workspace: Make) -> None:
    here = workspace()
    launch = here.submit()
    here.ended(launch)
    with pytest.raises(ChannelError, match="no cursor"):
        here.engine.logs(launch, "output:x")


def test_links_lead_to_run_spark_and_log(workspace: Make) -> None:
    here = workspace(**LOGGED)
    launch = here.submit()
    here.until(launch, State.RUNNING)
    links = here.engine.links(launch)
    assert set(links) == {"run", "Spark UI", "driver log"}
    assert links["run"] == launch.url
    assert links["driver log"].startswith(f"{VOLUME}/logs/")
    here.double.plan(Faults(calls=(CallFault(trouble=CallTrouble.UNAVAILABLE, times=0),)))
    assert here.engine.links(launch) == {"run": launch.url}


def found(checks: Any) -> dict[str, Check]:
    return {check.subject: check for check in checks}


def test_doctor_finds_all_that_is_there(double: DatabricksDouble, workspace: Make) -> None:
    here = workspace(
        {**NEW_CLUSTER, "driver_node_type": "m5.xlarge"},
        {"kind": "pool", "runtime": "16.4", "pool": "p1"},
        SERVERLESS,
        policy="p9",
        code_folder=f"{VOLUME}/code",
        **LOGGED,
    )
    double.make_volume(VOLUME)
    double.add_policy("p9", {})
    double.add_pool("p1", node_type_id="m5.large", instance_pool_name="small")
    checks = found(here.engine.doctor())
    assert [check.fact for check in checks.values() if not check.ok] == []
    assert {"workspace", f"volume {VOLUME}", "policy p9", "node type m5.large", "node type m5.xlarge"} <= set(checks)
    assert {"pool p1", "runtime 15.4", "runtime 16.4", "environment_version 4"} <= set(checks)
    assert "double@example.com" in checks["workspace"].fact


def test_doctor_names_each_thing_that_is_not(workspace: Make) -> None:
    here = workspace(
        {**NEW_CLUSTER, "node_types": ["m99.huge"]},
        {"kind": "pool", "runtime": "16.4", "pool": "gone"},
        {"kind": "existing", "runtime": "16.4", "cluster": "gone"},
        policy="gone",
        log_folder="/Volumes/main/default/nowhere/logs",
        code_folder="/Workspace/Nowhere/engineshed",
    )
    checks = found(here.engine.doctor())
    bad = {subject for subject, check in checks.items() if not check.ok}
    assert bad == {
        "node type m99.huge",
        "pool gone",
        "cluster gone",
        "policy gone",
        "volume /Volumes/main/default/nowhere",
        "folder /Workspace/Nowhere/engineshed",
    }
    assert all(checks[subject].remedy for subject in bad)


def test_doctor_tells_a_cluster_of_another_runtime(double: DatabricksDouble, tmp_path: Path) -> None:
    cluster = double.add_cluster(spark_version="15.4.x-scala2.12", node_type_id="m5.large", num_workers=1)
    here = SimulatedWorkspace(double, tmp_path, {"kind": "existing", "runtime": "16.4", "cluster": cluster})
    check = found(here.engine.doctor())[f"cluster {cluster}"]
    assert not check.ok
    assert "15.4.x-scala2.12" in check.fact


def test_doctor_of_a_workspace_that_does_not_know_us_is_one_finding(
    workspace: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-wrong")
    (check,) = workspace().engine.doctor()
    assert (check.subject, check.ok) == ("workspace", False)
    assert "DATABRICKS_HOST" in check.remedy


def test_doctor_without_a_workspace_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    surroundings = Surroundings(home=str(tmp_path), python="python", clock=VirtualClock())
    (check,) = build({"compute": [SERVERLESS]}, surroundings).doctor()
    assert not check.ok
    assert "DATABRICKS_HOST" in check.fact


def test_a_runtime_without_support_is_said(workspace: Make) -> None:
    here = workspace({**NEW_CLUSTER, "runtime": "13.3"}, code_folder=f"{VOLUME}/code")
    here.clock.sleep(400 * 24 * 3600.0)
    check = found(here.engine.doctor())["runtime 13.3"]
    assert not check.ok
    assert "supported until 2026-08-22" in check.fact


def test_short_pushes_are_read_by_range(double: DatabricksDouble, workspace: Make) -> None:
    """Every push is the whole file anew; what was read of it is not read again."""
    says = {float(at): lines(2000, f"at {at}") for at in range(60, 3000, 60)}
    here = workspace(says=says, **LOGGED)
    reader = Reader(here, here.submit())
    for _ in range(60):
        here.clock.sleep(60)
        reader.read()
    sent = [asked for asked in double.asked if asked.method == "GET" and "/driver/stdout" in asked.path]
    assert {asked.status for asked in sent} == {206}
