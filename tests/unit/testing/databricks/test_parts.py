"""Small pure parts of the double: machines, references, secrets, pages, ranges."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("databricks.sdk")

from engineshed.testing.databricks.api.paging import page
from engineshed.testing.databricks.nodes import availability, hardware, node, workers_wanted
from engineshed.testing.databricks.pace import Pace
from engineshed.testing.databricks.references import filled
from engineshed.testing.databricks.refusals import Refusal
from engineshed.testing.databricks.secrets import SecretMissing, resolved

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.lists(st.integers()), st.integers(min_value=1, max_value=7))
def test_pages_hold_everything_once_and_in_order(items: list[int], size: int) -> None:
    found: list[int] = []
    token = ""
    while True:
        shown, token = page(items, size, token)
        assert len(shown) <= size
        found += shown
        if not token:
            break
    assert found == items


def test_a_token_of_somebody_else_is_refused() -> None:
    for token in ("bogus", "Zm9vOjM=", "%"):
        with pytest.raises(Refusal, match="page_token"):
            page([1, 2, 3], 1, token)


def test_references_are_filled_and_what_is_none_stays() -> None:
    values = {"job.run_id": "7", "job.parameters.crawl": "CC"}
    given_parameters = ["--run={{job.run_id}}", "{{ job.parameters.crawl }}", "{{unknown.name}}", "{{}}", "eJwrSS0u"]
    assert filled(given_parameters, values) == ["--run=7", "CC", "{{unknown.name}}", "{{}}", "eJwrSS0u"]


def test_secrets_are_resolved_within_values() -> None:
    secrets = {"team/key": "sesame"}
    assert resolved({"A": "x{{secrets/team/key}}y", "B": "plain"}, secrets) == {"A": "xsesamey", "B": "plain"}
    with pytest.raises(SecretMissing, match="scope: team and key: gone"):
        resolved({"A": "{{secrets/team/gone}}"}, secrets)


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [({}, (0, 0)), ({"num_workers": 3}, (3, 3)), ({"autoscale": {"min_workers": 1, "max_workers": 8}}, (1, 8))],
)
def test_how_many_workers_a_cluster_wants(spec: dict[str, Any], wanted: tuple[int, int]) -> None:
    assert workers_wanted(spec) == wanted


def test_a_pool_says_what_its_machines_are() -> None:
    pools = {
        "p": {"node_type_id": "i3.xlarge", "aws_attributes": {"availability": "SPOT"}},
        "d": {"node_type_id": "m5.large"},
    }
    machines = hardware({"instance_pool_id": "p", "driver_instance_pool_id": "d"}, pools)
    driver, worker = (node(machines, number, NOW, no_spot=False) for number in (0, 1))
    assert (driver.node_type, driver.pool_id, worker.node_type, worker.pool_id) == ("m5.large", "d", "i3.xlarge", "p")
    assert (availability(machines), worker.market) == ("spot", "spot")
    assert node(machines, 1, NOW, no_spot=True).market == "on_demand"


def test_a_scaled_pace_is_the_same_pace_faster() -> None:
    assert Pace(cluster_start_s=200).scaled(0.01).cluster_start_s == pytest.approx(2)
    assert Pace().scaled(1) == Pace()
