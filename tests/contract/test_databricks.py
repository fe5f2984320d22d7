"""The contract on a workspace that really runs its tasks: /Volumes and /Workspace are there for drivers alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.contract.workspaces import DRIVER, NEW_CLUSTER, VOLUME, SmallBook, WorkspaceBench, engine_settings

from engineshed.channels.objects import ObjectChannel
from engineshed.model.money import Basis
from engineshed.running.system_clock import SystemClock
from engineshed.storage.objects import open_store
from engineshed.testing.bench import Bench
from engineshed.testing.contract import SOON, EngineContract
from engineshed.testing.databricks import DatabricksDouble
from engineshed.testing.databricks.machines import Machines

MakeBench = Callable[..., WorkspaceBench]


@pytest.fixture
def machines() -> Machines:
    """Sessions that the scripts make themselves: most need none."""
    return Machines(session="none", connect="none")


@pytest.fixture
def workspace(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabricksDouble]:
    with DatabricksDouble(execute=True, time_scale=0.002, machines=machines) as double:
        double.make_volume(VOLUME)
        monkeypatch.setenv("DATABRICKS_HOST", double.host)
        monkeypatch.setenv("DATABRICKS_TOKEN", double.token)
        yield double


@pytest.fixture
def in_workspace(workspace: DatabricksDouble, tmp_path: Path) -> MakeBench:
    def make(*compute: Mapping[str, Any], **more: Any) -> WorkspaceBench:
        return WorkspaceBench(
            builder="engineshed.engines.databricks:build",
            channel=ObjectChannel(open_store(f"{VOLUME}/exchange", {}), {}, SystemClock(), name="volumes"),
            folder=tmp_path,
            settings=engine_settings(workspace.host, *compute, **more),
            driver=DRIVER,
            book=SmallBook(),
            patience_s=180,
        )

    return make


class TestOnAClusterOfItsOwn(EngineContract):
    @pytest.fixture
    def bench(self, in_workspace: MakeBench) -> Bench:
        return in_workspace(NEW_CLUSTER, log_folder=f"{VOLUME}/logs")


class TestOnServerless(EngineContract):
    """Spark Connect; the code goes to workspace files, the messages to a volume, and nothing by variables."""

    @pytest.fixture
    def machines(self) -> Machines:
        return Machines(session="none", connect="sail")

    @pytest.fixture
    def bench(self, in_workspace: MakeBench) -> Bench:
        return in_workspace({"kind": "serverless", "environment_version": "2", "dbus_per_hour": "2"})

    def test_usage_spans_the_run_and_has_a_cost(self, bench: Bench) -> None:
        """What it took is not known before the bill: the estimate of the settings stands, and says that it is one."""
        engine = bench.engine()
        launch = engine.submit(engine.render(bench.work(SOON)))
        bench.final(engine, launch)
        usage = engine.usage(launch)
        assert not usage.complete
        assert usage.hours * 3600 >= 1
        cost = engine.cost(usage, bench.book)
        assert cost.basis is Basis.ESTIMATED
        assert cost.surcharge_usd > 0
