"""A team's release makes its location appear; a hostile neighbour does not make the others disappear."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from ..pages import Pages, wait_for
from .cluster import Cluster, call
from .conftest import PATIENCE, RELEASES, TEAMS

HOSTILE = """
apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: team-company-registry
  labels: {{engineshed.dev/code-location: "{label}"}}
  annotations: {{engineshed.dev/service-account: "../../root", engineshed.dev/image: "x y z"}}
spec:
  selector: {{app.kubernetes.io/name: {selects}}}
  ports: [{{name: grpc, port: {port}}}]
"""


def test_both_locations_are_listed_and_loaded(locations: Mapping[str, str], pages: Pages) -> None:
    assert pages.locations() == dict.fromkeys(locations, "LOADED")


@pytest.mark.speed
def test_they_were_listed_within_ten_seconds(locations: Mapping[str, str], times: dict[str, str]) -> None:
    for location in locations:
        assert float(times[f"{location}, release ready to listed"].split()[0]) <= 10 * PATIENCE


def test_helm_test_of_a_location_passes(locations: Mapping[str, str]) -> None:
    for location, namespace in locations.items():
        said = call("helm", "test", RELEASES[location], "--namespace", namespace, "--timeout", "120s")
        assert said.code == 0, said.text


def test_hostile_services_do_not_take_the_workspace_down(
    locations: Mapping[str, str], pages: Pages, cluster: Cluster
) -> None:
    made = [
        # Another team's name, claimed later than its owner.
        HOSTILE.format(name="thief", label="web_graph", selects="code-location", port=4000),
        # A server that answers, but no gRPC of Dagster's: its own team's code server at a port of something else.
        HOSTILE.format(name="garbage", label="garbage", selects="code-location", port=9),
        HOSTILE.format(name="long", label="x" * 63, selects="code-location", port=4000),
    ]
    try:
        for manifest in made:
            call("kubectl", "apply", "--filename", "-", stdin=manifest)
        time.sleep(15)
        listed = pages.locations()
        assert {name: listed.get(name) for name in TEAMS} == dict.fromkeys(TEAMS, "LOADED")
        owner = pages.ask(
            "{ workspaceOrError { ... on Workspace { locationEntries { name displayMetadata { key value } } } } }"
        )["workspaceOrError"]["locationEntries"]
        shown = {entry["name"]: {m["key"]: m["value"] for m in entry["displayMetadata"]} for entry in owner}
        assert "team-web-graph" in str(shown["web_graph"].get("host", shown["web_graph"]))
    finally:
        for name in ("thief", "garbage", "long"):
            call("kubectl", "delete", "service", name, "--namespace", "team-company-registry", "--ignore-not-found")
    wait_for(lambda: set(pages.locations()) == set(TEAMS), "the hostile locations gone", 90)
