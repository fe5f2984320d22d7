"""Evictions."""

from __future__ import annotations


def test_one_code_server_can_be_evicted_and_a_broken_one_always(alpha):
    spec = alpha().one("PodDisruptionBudget", "alpha")["spec"]
    assert spec["maxUnavailable"] == 1
    assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_it_can_be_switched_off(alpha):
    assert alpha({"podDisruptionBudget": {"enabled": False}}).all("PodDisruptionBudget") == []
