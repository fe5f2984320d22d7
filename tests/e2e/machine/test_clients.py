"""What Dagster's own clients of EMR and Databricks lose and engineshed keeps: the direction of docs/doubles.md's table.

Both get the same script and the same fate on the same doubles; what came of it is read from Dagster's instance and from
the platform's books.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from benchmarks.clients import environment, experiments
from benchmarks.clients.experiments import EXPERIMENTS
from benchmarks.clients.platforms import Outcome
from benchmarks.messages import EXPERIMENTS as READINGS
from benchmarks.messages import Experiment, ours, s3_server, stock

pytestmark = pytest.mark.needs_java
FASTER = 20.0
GOOD = Outcome(status="SUCCESS", materialisations=1, heard=2, submitted=1, left=0, found=True)
KEPT = {
    "emr-outlasts-waiters": GOOD,
    "emr-own-spark-env": GOOD,
    "emr-step-fails": replace(GOOD, status="FAILURE", materialisations=0, heard=1),
    "emr-cancelled": replace(GOOD, status="CANCELED", materialisations=0, heard=1),
    "emr-reply-lost": GOOD,
    "emr-worker-killed": GOOD,
    "databricks-many-messages": replace(GOOD, heard=1000),
    "databricks-cancelled": replace(GOOD, status="CANCELED", materialisations=0, heard=1),
    "databricks-reply-lost": GOOD,
    "databricks-worker-killed": GOOD,
}


def dagsters(name: str) -> Outcome:
    """What comes of the experiment with Dagster's client."""
    if name.startswith("databricks"):
        try:
            environment.databricks_python()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"the environment of Dagster's client of Databricks cannot be made here: {error}")
    return experiments.run(name, ours=False)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_engineshed_keeps_all_of_it(name: str) -> None:
    assert experiments.run(name, ours=True) == KEPT[name]


def test_dagsters_emr_client_gives_up_after_half_an_hour_and_leaves_the_cluster() -> None:
    theirs = dagsters("emr-outlasts-waiters")
    assert (theirs.status, theirs.materialisations, theirs.left) == ("FAILURE", 0, 1)


def test_dagsters_emr_client_hears_nothing_where_the_team_has_variables_of_its_own() -> None:
    theirs = dagsters("emr-own-spark-env")
    assert (theirs.status, theirs.materialisations, theirs.heard) == ("SUCCESS", 1, 0)


def test_dagsters_emr_client_takes_a_failed_step_for_a_success() -> None:
    theirs = dagsters("emr-step-fails")
    assert (theirs.status, theirs.materialisations) == ("SUCCESS", 1)


def test_dagsters_databricks_client_loses_what_is_beyond_half_a_megabyte() -> None:
    theirs = dagsters("databricks-many-messages")
    assert (theirs.status, theirs.materialisations) == ("SUCCESS", 1)
    assert 0 < theirs.heard < 600


def test_dagsters_databricks_client_takes_a_cancelled_run_for_a_success() -> None:
    theirs = dagsters("databricks-cancelled")
    assert (theirs.status, theirs.materialisations) == ("SUCCESS", 1)


@pytest.mark.parametrize("platform", ["emr", "databricks"])
@pytest.mark.parametrize("fate", ["reply-lost", "worker-killed"])
def test_dagsters_clients_start_a_second_run(platform: str, fate: str) -> None:
    theirs = dagsters(f"{platform}-{fate}")
    assert theirs.submitted == 2


@pytest.mark.parametrize("reading", [reading for reading in READINGS if reading.reader_s > reading.writer_s])
def test_dagsters_reader_of_blob_stores_loses_messages_and_closed(reading: Experiment) -> None:
    with s3_server() as address:
        theirs, closed = stock(reading, address, FASTER)
        kept = ours(reading, address, FASTER, as_shipped=False)
    assert theirs < reading.messages / 2
    assert not closed
    assert kept == (reading.messages, True)
