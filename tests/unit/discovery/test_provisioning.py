"""What a namespace is given, and when there is nothing to change."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from engineshed.discovery.provisioning.content import (
    OURS,
    Content,
    cluster_file,
    config_map,
    is_ours,
    nodes,
    owners,
    quantity,
    secret,
    successor,
)

CONTENT = Content({"dagster.yaml": "a", "platform.yaml": "b", "cluster.json": "{}"}, b"word")
NODE = {
    "metadata": {"name": "n1", "labels": {"pool": "spark"}},
    "spec": {"taints": [{"key": "spot", "effect": "NoSchedule", "timeAdded": "x"}]},
    "status": {
        "allocatable": {"cpu": "1930m", "memory": "7Gi"},
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", "2"), ("1930m", "1.93"), ("7Gi", "7516192768"), ("5k", "5000"), ("1e3", "1000"), ("", "0"), ("x", "0")],
)
def test_quantities(text: str, value: str) -> None:
    assert quantity(text) == Decimal(value)


def test_a_node_is_told_by_what_can_be_scheduled() -> None:
    [node] = nodes([NODE])
    assert node == {
        "name": "n1",
        "cpu": 1.93,
        "memory_bytes": 7 * 2**30,
        "labels": {"pool": "spark"},
        "taints": [{"key": "spot", "effect": "NoSchedule"}],
        "schedulable": True,
    }
    assert not nodes([{**NODE, "spec": {"unschedulable": True}}])[0]["schedulable"]


def test_a_huge_cluster_fits_a_config_map_and_says_what_is_left_out() -> None:
    many = nodes([{**NODE, "metadata": {"name": f"n{n}", "labels": {"l": "x" * 5000}}} for n in range(400)])
    plain = json.loads(cluster_file(many, "t"))
    assert len(cluster_file(many, "t")) <= 700_001
    assert plain["truncated"] + len(plain["nodes"]) == 400


def _existing(wanted: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {**wanted, "metadata": {**wanted["metadata"], "resourceVersion": "7", **meta}}


def test_what_is_up_to_date_is_not_written() -> None:
    assert successor(_existing(config_map(CONTENT)), config_map(CONTENT), []) is None
    assert successor(_existing(secret(CONTENT)), secret(CONTENT), None) is None


def test_a_new_password_replaces_the_version_that_was_read() -> None:
    newer = secret(Content(CONTENT.files, b"other"))
    after = successor(_existing(secret(CONTENT)), newer, None)
    assert after is not None
    assert after["data"] == newer["data"]
    assert after["metadata"]["resourceVersion"] == "7"
    assert after["metadata"]["labels"] == OURS


def test_owners_follow_the_releases_and_stay_where_they_are_not_known() -> None:
    one = [{"metadata": {"name": "web", "uid": "u1"}}]
    after = successor(_existing(config_map(CONTENT)), config_map(CONTENT), owners(one))
    assert after is not None
    assert [each["uid"] for each in after["metadata"]["ownerReferences"]] == ["u1"]
    held = _existing(config_map(CONTENT), ownerReferences=owners(one))
    assert successor(held, config_map(CONTENT), None) is None


def test_only_what_carries_our_label_is_ours() -> None:
    assert is_ours(_existing(config_map(CONTENT)))
    assert not is_ours({"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}})
    assert not is_ours({"metadata": {}})
