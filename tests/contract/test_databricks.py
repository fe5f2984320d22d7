"""The contract on a workspace that really runs its tasks: /Volumes and /Workspace are there for drivers alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.contract.workspaces import DRIVER, NEW_CLUSTER, VOLUME, SmallBook, WorkspaceBench, engine_settings

from engineshed.channels.objects import ObjectChannel
from engineshed.running.system_clock import SystemClock
from engineshed.storage.objects import open_store
from engineshed.testing.bench import Bench
from engineshed.testing.contract import EngineContract
from engineshed.testing.databricks import DatabricksDouble
from engineshed.testing.databricks.machines import Machines

MakeBench = Callable[..., WorkspaceBench]


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabricksDouble]:
    with DatabricksDouble(execute=True, time_scale=0.002, machines=Machines(session="none", connect="none")) as double:
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
        )

    return make


class TestOnAClusterOfItsOwn(EngineContract):
    @pytest.fixture
    def bench(self, in_workspace: MakeBench) -> Bench:
        return in_workspace(NEW_CLUSTER, log_folder=f"{VOLUME}/logs")
