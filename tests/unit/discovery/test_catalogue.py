"""Whatever a team writes into its objects, the good locations of the others stay in the catalogue."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.discovery.objects import endpoint_slice, namespace, service

from engineshed.discovery.catalogue import REASONS, cluster_ip, survey
from engineshed.discovery.presence import Presence
from engineshed.discovery.view import trim
from engineshed.discovery.writing import render_workspace

GOOD_SPACE = namespace("team-a", "a")
GOOD = service("team-a", "web", "web_graph")
GOOD_SLICE = endpoint_slice("team-a", "web")
BAD_SPACE = namespace("team-b", "b")


def test_a_ready_service_of_a_labelled_namespace_is_found() -> None:
    found = survey([GOOD_SPACE], [GOOD], [GOOD_SLICE])
    sighting = found.sightings["web_graph"]
    assert found.findings == ()
    assert sighting.ready
    location = sighting.location
    assert (location.namespace, location.team, location.service_account) == ("team-a", "a", "web")
    assert (location.host, location.port, location.image) == ("web.team-a.svc", 4000, "team/app:1")


@pytest.mark.parametrize(("conditions", "ready"), [(True, True), (None, True), (False, False)])
def test_readiness_is_the_endpoints(conditions: bool | None, ready: bool) -> None:
    found = survey([GOOD_SPACE], [GOOD], [endpoint_slice("team-a", "web", conditions)])
    assert found.sightings["web_graph"].ready is ready


def test_endpoints_of_a_namesake_elsewhere_do_not_count() -> None:
    assert not survey([GOOD_SPACE], [GOOD], [endpoint_slice("team-b", "web")]).sightings["web_graph"].ready


def test_a_namespace_without_the_label_is_not_looked_at() -> None:
    assert survey([], [GOOD], [GOOD_SLICE]).sightings == {}


def test_outside_of_the_cluster_the_address_serves() -> None:
    assert survey([GOOD_SPACE], [GOOD], [], cluster_ip).sightings["web_graph"].location.host == "10.0.0.7"


BAD = {
    "name with a newline": (service("team-b", "b", "x\n- evil: 1"), "invalid_name"),
    "empty name": (service("team-b", "b", ""), "invalid_name"),
    "long name": (service("team-b", "b", "x" * 64), "invalid_name"),
    "no account": (
        service("team-b", "b", "b", annotations={"engineshed.dev/service-account": ""}),
        "invalid_service_account",
    ),
    "account with a slash": (
        service("team-b", "b", "b", annotations={"engineshed.dev/service-account": "kube-system/admin"}),
        "invalid_service_account",
    ),
    "image with a blank": (service("team-b", "b", "b", annotations={"engineshed.dev/image": "a b"}), "invalid_image"),
    "huge image": (service("team-b", "b", "b", annotations={"engineshed.dev/image": "a" * 200_000}), "invalid_image"),
    "port out of range": (
        service("team-b", "b", "b", spec={"ports": [{"name": "grpc", "port": 99999}]}),
        "invalid_port",
    ),
    "no ports": (service("team-b", "b", "b", spec={"clusterIP": "None"}), "invalid_port"),
    "two unnamed ports": (service("team-b", "b", "b", spec={"ports": [{"port": 1}, {"port": 2}]}), "invalid_port"),
    "udp": (
        service("team-b", "b", "b", spec={"ports": [{"name": "grpc", "port": 4000, "protocol": "UDP"}]}),
        "invalid_port",
    ),
    "external name": (
        service("team-b", "b", "b", spec={"type": "ExternalName", "externalName": "169.254.169.254"}),
        "external_name",
    ),
    "taken name": (service("team-b", "b", "web_graph", created="2026-02-01T00:00:00Z"), "name_taken"),
}


@pytest.mark.parametrize(("bad", "reason"), BAD.values(), ids=BAD)
def test_a_bad_service_is_skipped_with_its_reason_and_harms_nobody(bad: dict[str, Any], reason: str) -> None:
    found = survey([GOOD_SPACE, BAD_SPACE], [bad, GOOD], [GOOD_SLICE])
    assert list(found.sightings) == ["web_graph"]
    assert found.sightings["web_graph"].location.namespace == "team-a"
    [finding] = found.findings
    assert (finding.namespace, finding.reason) == ("team-b", reason)
    assert len(finding.message) < 400
    assert "\n" not in finding.message


def test_a_bad_team_label_takes_its_namespace_out_alone() -> None:
    found = survey([GOOD_SPACE, namespace("team-b", "B b")], [GOOD, service("team-b", "b", "b")], [])
    assert list(found.sightings) == ["web_graph"]
    assert [f.reason for f in found.findings] == ["invalid_team"]


def test_the_oldest_holds_a_name_whatever_the_order() -> None:
    old, young = service("team-b", "z", "same"), service("team-a", "a", "same", created="2026-05-01T00:00:00Z")
    for services in ([old, young], [young, old]):
        assert survey([GOOD_SPACE, BAD_SPACE], services, []).sightings["same"].location.namespace == "team-b"


def test_a_claimed_name_is_the_claimants_however_young() -> None:
    claimant = namespace("team-a", "a", **{"engineshed.dev/code-locations": "same, other"})
    old, young = service("team-b", "z", "same"), service("team-a", "a", "same", created="2026-05-01T00:00:00Z")
    found = survey([claimant, BAD_SPACE], [old, young], [])
    assert found.sightings["same"].location.namespace == "team-a"
    assert [f.reason for f in found.findings] == ["name_claimed"]


def test_a_flood_of_services_crowds_out_only_its_own_namespace() -> None:
    flood = [service("team-b", f"s{n}", f"l{n}") for n in range(200)]
    found = survey([GOOD_SPACE, BAD_SPACE], [*flood, GOOD], [GOOD_SLICE])
    assert "web_graph" in found.sightings
    assert len(found.sightings) == 21
    assert {f.reason for f in found.findings} == {"too_many"}


def test_what_is_only_shown_is_left_out_when_it_cannot_be() -> None:
    shown = {"engineshed.dev/owners": "team:web", "engineshed.dev/contact": "a\nb", "engineshed.dev/commit": "c" * 300}
    found = survey([GOOD_SPACE], [service("team-a", "web", "w", annotations=shown)], [])
    assert found.sightings["w"].location.shown == {"owners": "team:web"}


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=12,
)


@given(
    name=st.text(max_size=80),
    annotations=st.dictionaries(
        st.sampled_from(["engineshed.dev/image", "engineshed.dev/service-account", "engineshed.dev/owners"]),
        st.text(max_size=80),
    ),
    spec=_anything,
    labels=_anything,
    endpoints=_anything,
)
def test_no_object_takes_the_workspace_down(
    name: str, annotations: dict[str, str], spec: Any, labels: Any, endpoints: Any
) -> None:
    hostile = trim({**service("team-b", "b", name, annotations=annotations), "spec": spec})
    worse = {"metadata": {"name": "w", "namespace": "team-b", "labels": labels, "annotations": labels}, "spec": spec}
    slices = [
        GOOD_SLICE,
        trim({"metadata": {"name": "s", "namespace": "team-b", "labels": labels}, "endpoints": endpoints}),
    ]
    found = survey([GOOD_SPACE, BAD_SPACE], [GOOD, hostile, worse, trim(worse)], slices)
    listing = Presence(60).after(found.sightings, 0).listing(0)
    assert "location_name: web_graph" in render_workspace(listing)
    assert {finding.reason for finding in found.findings} <= set(REASONS)
