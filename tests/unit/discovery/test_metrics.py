"""What discovery tells of each location, from the Service as the API server gives it to the page that is scraped."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.discovery.objects import namespace, service

from engineshed.discovery.catalogue import survey
from engineshed.discovery.metrics import DiscoveryMetrics
from engineshed.discovery.view import trim

DIGEST = "sha256:" + "0" * 64
MARKS = {
    "engineshed.dev/image": f"registry/web@{DIGEST}",
    "engineshed.dev/commit": "abc123",
    "engineshed.dev/version": "0.1.0",
    "engineshed.dev/revision": "7",
}


def note(time: object, *owned: str) -> dict[str, Any]:
    """An entry of managedFields."""
    annotations = {f"f:engineshed.dev/{name}": {} for name in owned}
    return {"manager": "helm", "time": time, "fieldsV1": {"f:metadata": {"f:annotations": annotations}}}


def told(metrics: DiscoveryMetrics, name: str) -> list[tuple[dict[str, str], float]]:
    """The series of a metric."""
    return [
        (sample.labels, sample.value)
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if sample.name == f"engineshed_discovery_{name}"
    ]


def described(notes: object = None) -> DiscoveryMetrics:
    made = service("team-a", "web", "web_graph", annotations=MARKS)
    made["metadata"]["managedFields"] = notes
    found = survey([trim(namespace("team-a", "alpha"))], [trim(made)], [])
    metrics = DiscoveryMetrics()
    metrics.described(sighting.location for sighting in found.sightings.values())
    return metrics


def test_a_location_is_told_as_its_release_describes_it() -> None:
    labels = {
        "code_location": "web_graph", "team": "alpha", "commit": "abc123", "version": "0.1.0",
        "image": "registry/web", "digest": DIGEST, "revision": "7",
    }  # fmt: skip
    assert told(described(), "location_info") == [(labels, 1)]


def test_the_last_rollout_is_when_the_revision_was_written() -> None:
    notes = [
        note("2026-11-05T12:00:00Z", "revision", "image"),
        note("2026-11-09T12:00:00Z", "contact"),
        note("2026-11-01T12:00:00Z", "revision"),
    ]
    assert told(described(notes), "location_rollout_timestamp_seconds") == [
        ({"code_location": "web_graph", "team": "alpha"}, 1793880000.0)
    ]


@pytest.mark.parametrize("notes", [None, "x", [], [None, {}], [note("yesterday", "revision")], [note(7, "revision")]])
def test_a_rollout_of_which_nothing_is_known_is_not_guessed(notes: object) -> None:
    metrics = described(notes)
    assert told(metrics, "location_rollout_timestamp_seconds") == []
    assert len(told(metrics, "location_info")) == 1


def test_a_location_that_is_gone_is_told_no_more() -> None:
    metrics = described()
    metrics.described([])
    assert told(metrics, "location_info") == []


def test_what_a_code_server_runs_is_told_once_it_has_said_so() -> None:
    metrics = DiscoveryMetrics()
    metrics.served({"web_graph": {"dagster": "1.13.27", "engineshed": "0.1.0", "dagster-k8s": "x"}, "broken": {}})
    labels = {"code_location": "web_graph", "dagster": "1.13.27", "engineshed": "0.1.0"}
    assert told(metrics, "location_server_info") == [(labels, 1)]
