"""The double's words against those of the SDK: nothing is missing, nothing is invented."""

from __future__ import annotations

import pytest

pytest.importorskip("databricks.sdk")

from databricks.sdk.service import compute, jobs

from engineshed.testing.databricks import endings, shapes
from engineshed.testing.databricks.admission import TOO_MANY
from engineshed.testing.databricks.clusters import LIVE

NAMED = [
    endings.SUCCESS,
    endings.CANCELED,
    endings.TIMED_OUT,
    endings.UPSTREAM_FAILED,
    endings.UPSTREAM_CANCELED,
    endings.raised("E", "T"),
    TOO_MANY,
]
CODES = sorted(code.value for code in jobs.TerminationCodeCode)


@pytest.mark.parametrize("ending", NAMED)
def test_endings_speak_the_sdks_words(ending: endings.Ending) -> None:
    jobs.RunLifeCycleState(ending.life_cycle)
    jobs.RunResultState(ending.result)
    jobs.TerminationCodeCode(ending.code)
    jobs.TerminationTypeType(ending.kind)


@pytest.mark.parametrize("code", [*CODES, *sorted(shapes.SAID_BUT_NOT_LISTED)])
def test_every_termination_code_has_a_type(code: str) -> None:
    kind = endings.failed(code, "why").kind
    jobs.TerminationTypeType(kind)
    assert (kind == "SUCCESS") == (code == "SUCCESS")
    assert (kind == "CLOUD_FAILURE") == (code == "CLOUD_FAILURE")


@pytest.mark.parametrize(
    "reason",
    [
        endings.NO_CAPACITY,
        endings.NO_MACHINE,
        endings.POOL_FULL,
        endings.SPOT_TOOK_DRIVER,
        endings.INIT_SCRIPT_FAILED,
        endings.ENDED_BY_PERSON,
        endings.JOB_DONE,
    ],
)
def test_reasons_of_clusters_are_the_sdks(reason: dict[str, object]) -> None:
    read = compute.TerminationReason.from_dict(reason)
    assert (read.code is not None, read.type is not None) == (True, True)
    message = endings.cluster_ended("0101-000000-00000001", reason).message
    assert f"{reason['code']} ({reason['type']})" in message


def test_states_of_clusters_are_the_sdks() -> None:
    over = {"TERMINATING", "TERMINATED", "ERROR", "UNKNOWN"}
    assert set(LIVE) == {state.value for state in compute.State} - over
