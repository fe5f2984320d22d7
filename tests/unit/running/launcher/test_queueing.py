"""Whose a queued run is comes from discovery, so that the limit per team counts all of a team's runs and no other's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest
from dagster import DagsterRunStatus
from dagster._core.run_coordinator import SubmitRunContext
from dagster._serdes import ConfigurableClassData
from tests.unit.running.launcher.platforms import OTHER, WEB, Platform

from engineshed.discovery.listing import CodeLocation
from engineshed.running.queueing import TeamRunCoordinator


def coordinator(platform: Platform) -> TeamRunCoordinator:
    """As Dagster makes it from dagster.yaml."""
    made = ConfigurableClassData(
        "engineshed.running.queueing",
        "TeamRunCoordinator",
        f"dequeue_interval_seconds: 1\ndequeue_use_threads: true\nlocations_file: {platform.locations_file}\n",
    ).rehydrate(as_type=TeamRunCoordinator)
    made.register_instance(platform.instance)
    return made


def queued(platform: Platform, planner: CodeLocation, tags: Mapping[str, str] | None = None) -> Mapping[str, str]:
    run = platform.run(planner=planner, tags=tags, status=DagsterRunStatus.NOT_STARTED)
    there = coordinator(platform).submit_run(SubmitRunContext(run, workspace=None))  # type: ignore[arg-type]
    assert there.status is DagsterRunStatus.QUEUED
    return there.tags


@pytest.mark.parametrize("said", [None, {"team": "web-graph"}, {"team": "company-registry"}, {"team": ""}])
def test_a_run_is_counted_for_the_team_of_its_location_whatever_it_says(
    platform: Platform, said: Mapping[str, str] | None
) -> None:
    assert queued(platform, WEB, said)["team"] == "web-graph"
    assert queued(platform, OTHER, said)["team"] == "company-registry"


def test_a_run_of_no_known_location_is_queued_with_its_like_and_not_for_a_team(platform: Platform) -> None:
    platform.know(OTHER)
    assert queued(platform, WEB, {"team": "company-registry"})["team"] == "unknown"


def test_a_run_that_is_queued_already_is_left_there(platform: Platform) -> None:
    run = platform.run(status=DagsterRunStatus.QUEUED)
    again = coordinator(platform).submit_run(SubmitRunContext(run, workspace=None))  # type: ignore[arg-type]
    assert (again.status, again.tags["team"]) == (DagsterRunStatus.QUEUED, "web-graph")


def test_a_process_without_the_kubernetes_client_can_open_the_instance() -> None:
    blocked = "import sys; sys.modules['kubernetes'] = sys.modules['dagster_k8s'] = None\n"
    opens = "from engineshed.running.queueing import TeamRunCoordinator; TeamRunCoordinator(locations_file='/none')"
    subprocess.run([sys.executable, "-c", blocked + opens], check=True)
