"""A platform around a launcher."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance
from tests.unit.running.launcher.platforms import OTHER, WEB, ApiServer, Platform

from engineshed.running.launcher import TenantRunLauncher
from engineshed.testing.clock import VirtualClock


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    """One for all: making its databases is slow, and runs do not see each other."""
    with DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as made:
        yield made


@pytest.fixture
def platform(tmp_path: Path, instance: DagsterInstance) -> Platform:
    config = tmp_path / "kubeconfig"
    config.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": {}}],
            }
        )
    )
    api, clock = ApiServer(), VirtualClock()
    launcher = TenantRunLauncher(
        locations_file=str(tmp_path / "locations.json"),
        clock=clock,
        load_incluster_config=False,
        kubeconfig_file=str(config),
        instance_config_map="engineshed-instance",
        postgres_password_secret="engineshed-database",
        dagster_home="/opt/dagster/home",
        k8s_client_batch_api=api,
        k8s_client_core_api=api,
    )
    launcher.register_instance(instance)
    world = Platform(instance, launcher, api, tmp_path / "locations.json", clock)
    world.know(WEB, OTHER)
    return world
