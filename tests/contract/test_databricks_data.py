"""The engine's tables held against the vendor's own: every value of the SDK's enums has a meaning here."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from enum import Enum

import pytest
from databricks.sdk.service import compute, jobs

from engineshed.engines.databricks import reasons, states
from engineshed.engines.databricks.runtimes import RUNTIMES
from engineshed.engines.databricks.settings import Permission
from engineshed.engines.databricks.spec import CLUSTER_FIELDS
from engineshed.model.failure import FailureClass
from engineshed.testing.databricks.catalogue import RUNTIMES as OFFERED


def values(kind: type[Enum]) -> set[str]:
    return {member.value for member in kind}


def test_every_life_cycle_is_a_state() -> None:
    known = set(states.LIFE_CYCLE) | states.ENDED
    assert known == values(jobs.RunLifecycleStateV2State) | values(jobs.RunLifeCycleState)


def test_every_result_is_a_state() -> None:
    assert set(states.RESULTS) == values(jobs.RunResultState)


def test_every_termination_code_has_a_class() -> None:
    """The enum's description names one more than the enum has."""
    described = set(re.findall(r"``([A-Z_]+)``", inspect.getdoc(jobs.TerminationCodeCode) or ""))
    assert set(states.CODES) | {states.GOOD} == values(jobs.TerminationCodeCode) | described
    assert set(states.CODES) >= states.CLUSTERS_FAULT


def test_every_reason_of_a_cluster_that_has_a_class_is_one_of_the_vendors() -> None:
    assert set(reasons.CODES) <= values(compute.TerminationReasonCode)
    assert values(compute.TerminationReasonCode) >= reasons.NO_CAUSE


@pytest.mark.parametrize("code", sorted(values(compute.TerminationReasonCode) - reasons.NO_CAUSE))
def test_no_reason_is_without_a_class(code: str) -> None:
    failure = reasons.failure_of({"code": code, "type": "SERVICE_FAULT"}, "")
    assert failure is not None
    # Where the name says whose fault it is, the class says so too.
    if code.endswith("_DUE_TO_MISCONFIG"):
        assert failure.failure_class is FailureClass.CONFIGURATION
    elif re.search("QUOTA|STOCKOUT|INSUFFICIENT|EXHAUST", code):
        assert failure.failure_class is FailureClass.CAPACITY


def test_the_fields_of_a_cluster_are_the_sdks() -> None:
    assert {field.name for field in fields(compute.ClusterSpec)} == CLUSTER_FIELDS


def test_permission_levels_are_the_vendors() -> None:
    levels = set(Permission.model_json_schema()["properties"]["level"]["enum"])
    assert levels == values(jobs.JobPermissionLevel)


def test_presets_agree_with_what_the_double_offers() -> None:
    """Two readings of the same release notes."""
    offered = {runtime.key: runtime for runtime in OFFERED}
    shared = [runtime for runtime in RUNTIMES.values() if runtime.spark_version in offered]
    assert len(shared) >= 5
    for runtime in shared:
        there = offered[runtime.spark_version]
        assert (runtime.spark, runtime.python) == (there.spark, ".".join(there.python.split(".")[:2]))
