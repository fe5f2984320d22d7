"""One platform, both code locations and one result of the local engine for the whole suite.

The suite uses the releases as people do: by make, Helm and the web pages' own GraphQL. It needs a cluster that has the
images, and leaves it as it found it (E2E_KEEP=1 keeps the releases to look at).
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..pages import Pages, wait_for
from .cluster import Cluster, call
from .prometheus import Prometheus

REPOSITORY = Path(__file__).resolve().parents[3]
PLATFORM = "engineshed"
TEAMS = {"company_registry": "team-company-registry", "web_graph": "team-web-graph"}
RELEASES = {"company_registry": "company-registry", "web_graph": "web-graph"}
PARTITION = "SAMPLE-2025-08|languages"
ASSETS = ("nodes_only", "edges", "graph", "graph_aggr")
# Bars are printed beside what was measured; only far beyond one a test fails, for a shared clock proves little.
PATIENCE = 2.5
TIMES = pytest.StashKey[dict[str, str]]()


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform as installed. `seconds`: from the start of the installation until all was ready."""

    pages: Pages
    seconds: float


def make(*words: str, patience_s: float = 600) -> str:
    """A make target, as a person calls it; its failure fails the test with its words."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "PYTEST_"))}
    # No public registry is asked for Grafana: its image is only where somebody has put it.
    env.setdefault("ENGINESHED_GRAFANA", "false")
    said = call("make", "--directory", str(REPOSITORY), *words, timeout_s=patience_s, env=env)
    assert said.code == 0, f"make {' '.join(words)}:\n{said.text}\n{_state_of_pods()}"
    return said.text


def _state_of_pods() -> str:
    return call("kubectl", "get", "pods", "--all-namespaces", "--output", "wide").text


@pytest.fixture(scope="session")
def times(pytestconfig: pytest.Config) -> dict[str, str]:
    """What was measured, for the closing lines."""
    return pytestconfig.stash.setdefault(TIMES, {})


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster, which answers."""
    said = call("kubectl", "get", "--raw", "/readyz")
    assert said.code == 0, f"no cluster answers: {said.text}. Set KUBECONFIG, or make one by `make kind`."
    return Cluster()


@pytest.fixture(scope="session")
def platform(cluster: Cluster, times: dict[str, str]) -> Iterator[Platform]:
    """PostgreSQL, object store and the platform, without any code location."""
    began_s = time.monotonic()
    make("platform")
    seconds = time.monotonic() - began_s
    times["dev-services and platform, install to ready"] = f"{seconds:.1f} s (bar 60 s)"
    try:
        with cluster.forwarded(f"service/{PLATFORM}-webserver", 80, PLATFORM) as port:
            pages = Pages(f"http://127.0.0.1:{port}")
            wait_for(lambda: _answers(pages), "an answer of the web pages")
            yield Platform(pages, seconds)
    finally:
        if not os.environ.get("E2E_KEEP"):
            make("uninstall")


def _answers(pages: Pages) -> bool:
    try:
        pages.locations()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
    return True


@pytest.fixture(scope="session")
def pages(platform: Platform) -> Pages:
    """The web pages."""
    return platform.pages


@pytest.fixture(scope="session")
def locations(platform: Platform, times: dict[str, str]) -> Mapping[str, str]:
    """Both teams' releases, listed and loaded. Location -> namespace."""
    for location in TEAMS:
        make("location", f"LOCATION={location}")
        ready_s = time.monotonic()
        wait_for(lambda: platform.pages.locations().get(location) == "LOADED", f"{location} in the web pages", 60)  # noqa: B023
        times[f"{location}, release ready to listed"] = f"{time.monotonic() - ready_s:.1f} s (bar 10 s)"
    return TEAMS


@pytest.fixture(scope="session")
def seeds(locations: Mapping[str, str], pages: Pages, times: dict[str, str]) -> str:
    """The seed list, published by a run of the team that owns it; the run's id."""
    began_s = time.monotonic()
    run_id = pages.launch("company_registry/seeds", location="company_registry")
    status = pages.ended(run_id)
    assert status == "SUCCESS", "\n".join(pages.messages(run_id))
    times["a trivial run, launch to success"] = f"{time.monotonic() - began_s:.1f} s (bar 10 s)"
    return run_id


@pytest.fixture(scope="session")
def nodes(seeds: str, pages: Pages) -> str:
    """What `edges` reads, published for PARTITION; that partition."""
    if not pages.materialisations("nodes_only", PARTITION):
        run_id = pages.launch("nodes_only", partition=PARTITION)
        assert pages.ended(run_id) == "SUCCESS", "\n".join(pages.messages(run_id))
    return PARTITION


@pytest.fixture(scope="session")
def prometheus(platform: Platform, cluster: Cluster) -> Iterator[Prometheus]:
    """The one of dev-services."""
    with cluster.forwarded("service/dev-services-prometheus", 9090, PLATFORM) as port:
        found = Prometheus(f"http://127.0.0.1:{port}")
        wait_for(lambda: found.value("vector(1)"), "an answer of Prometheus")
        yield found


@pytest.fixture(scope="session")
def silence(platform: Platform, cluster: Cluster) -> Callable[[], None]:
    """No exporter from here on, whatever runs; what is returned brings it back."""

    def scale(replicas: int) -> None:
        wanted = f"--replicas={replicas}"
        cluster.kubectl("scale", f"deployment/{PLATFORM}-exporter", wanted, "--namespace", PLATFORM)
        cluster.kubectl("rollout", "status", f"deployment/{PLATFORM}-exporter", "--namespace", PLATFORM)

    scale(0)
    return lambda: scale(1)


@dataclass(frozen=True, slots=True)
class Local:
    """The showcase's sample on engine `local` of this machine. `hashes`: (asset, table) -> content hash."""

    hashes: Mapping[tuple[str, str], str]
    seconds: float


_LOCALLY = """
import json, sys, time
import dagster as dg
from company_registry.definitions import defs as registry
from web_graph.definitions import defs as web_graph
assets, partition, engine = sys.argv[1].split(","), sys.argv[2], sys.argv[3]
with dg.DagsterInstance.get() as instance:
    seeds = [dg.AssetKey(["company_registry", "seeds"])]
    registry.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance, asset_selection=seeds)
    began_s = time.monotonic()
    config = {"ops": {asset: {"config": {"engine": engine}} for asset in assets}}
    done = web_graph.resolve_job_def("who_links_to_whom").execute_in_process(
        instance=instance, partition_key=partition, run_config=config
    )
    seconds = time.monotonic() - began_s
    hashes = {
        f"{made.materialization.asset_key.to_user_string()}/{label.partition('/')[2]}": value.value
        for made in (e.event_specific_data for e in done.get_asset_materialization_events())
        for label, value in made.materialization.metadata.items()
        if label.startswith("dataset_hash/")
    }
print(json.dumps({"hashes": hashes, "seconds": seconds}))
"""


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Local:
    """The same partition, made without a cluster."""
    home = tmp_path_factory.mktemp("local")
    (home / "dagster").mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ENGINESHED_", "DAGSTER_"))}
    env = {**kept, "ENGINESHED_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
    python = str(REPOSITORY / ".venv/bin/python")
    said = subprocess.run(
        [python, "-c", _LOCALLY, ",".join(ASSETS), PARTITION, "local"],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
    )
    found = json.loads(said.stdout.splitlines()[-1])
    return Local({tuple(name.split("/")): digest for name, digest in found["hashes"].items()}, found["seconds"])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Times are told beside their bars."""
    measured = config.stash.get(TIMES, {})
    if measured:
        terminalreporter.section("measured")
        for what, how_long in measured.items():
            terminalreporter.line(f"{what}: {how_long}")
