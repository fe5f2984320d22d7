from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contract.clusters import DRIVER, ClusterBench, engine_settings, namespace

from engineshed.channels.files import build as build_files_channel
from engineshed.channels.pod_logs import build as build_pod_logs
from engineshed.ports.channel import Channel
from engineshed.ports.engine import Surroundings
from engineshed.processes.leftovers import carrying
from engineshed.running.system_clock import SystemClock


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return build_files_channel({}, Surroundings(home=str(tmp_path / "home"), python="", clock=SystemClock()))


@pytest.fixture(scope="session")
def team_namespace() -> Iterator[str]:
    """A namespace of the cluster, for all tests of a session."""
    with namespace() as name:
        yield name


@pytest.fixture
def on_cluster(tmp_path: Path, team_namespace: str) -> Callable[..., ClusterBench]:
    """A bench of engine kubernetes, heard by the log of its pods; further settings over its own."""

    def make(**more: Any) -> ClusterBench:
        surroundings = Surroundings(home=str(tmp_path), python="", clock=SystemClock())
        return ClusterBench(
            builder="engineshed.engines.kubernetes:build",
            channel=build_pod_logs({"namespace": team_namespace}, surroundings),
            folder=tmp_path,
            settings=engine_settings(team_namespace, **more),
            driver=DRIVER,
            namespace=team_namespace,
            patience_s=180,
        )

    return make


@pytest.fixture(autouse=True)
def nothing_is_left_running(tmp_path: Path) -> Iterator[None]:
    yield
    tokens = [folder.name for folder in tmp_path.glob("home/runs/*/*")]
    assert {token: carrying(token) for token in tokens if carrying(token)} == {}
