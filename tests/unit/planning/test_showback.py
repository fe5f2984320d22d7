"""Sums over the ledger's rows: exact, complete, and open about what is not known."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineshed.model.attempt import Outcome
from engineshed.model.errors import SettingInvalid
from engineshed.model.job import Mode
from engineshed.model.money import Basis, Cost
from engineshed.model.spending import Spending
from engineshed.planning.showback import DIMENSIONS, NO_PARTITION, Sum, basis_text, showback, total
from engineshed.planning.statement import as_markdown, shares_text

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)


def spending(**changes: Any) -> Spending:
    plain: dict[str, Any] = {
        "token": "es-1",
        "team": "web",
        "code_location": "web_graph",
        "asset": "web_graph/edges",
        "partition_keys": ("c1|d1",),
        "engine": "emr",
        "offer": "3x m6i.xlarge",
        "mode": Mode.FULL,
        "outcome": Outcome.SUCCEEDED,
        "settled_at": NOON,
        "forecast_usd": Decimal("400"),
        "hours": 9.99,
        "cost": Cost(
            compute_usd=Decimal("308.63"),
            storage_usd=Decimal("13.72"),
            surcharge_usd=Decimal("80.19"),
            basis=Basis.METERED,
        ),
    }
    return Spending(**plain | changes)


def test_each_team_and_engine_has_its_line_dearest_first() -> None:
    cheap = Cost(compute_usd=Decimal("0.32"), storage_usd=Decimal("0.01"), surcharge_usd=Decimal("0.07"))
    lines = showback([spending(cost=cheap, team="other"), spending(), spending()], ("team", "engine"))
    assert [(line.of, line.total_usd) for line in lines] == [
        ({"team": "web", "engine": "emr"}, Decimal("805.08")),
        ({"team": "other", "engine": "emr"}, Decimal("0.40")),
    ]
    assert lines[0].attempts == 2
    assert lines[0].hours == pytest.approx(19.98)


def test_failed_attempts_are_paid_too_and_counted() -> None:
    (line,) = showback([spending(), spending(outcome=Outcome.FAILED), spending(outcome=Outcome.CANCELLED)], ("team",))
    assert (line.attempts, line.failed) == (3, 2)
    assert line.total_usd == 3 * Decimal("402.54")


def test_what_has_no_price_is_counted_and_not_hidden() -> None:
    (line,) = showback([spending(), spending(cost=None, hours=None)], ("asset",))
    assert (line.attempts, line.unpriced) == (2, 1)
    assert line.total_usd == Decimal("402.54")
    assert line.forecast_usd == Decimal("400"), "a forecast is compared with what it forecast"


def test_figures_of_several_bases_say_so() -> None:
    billed = Cost(compute_usd=Decimal("134.18"), basis=Basis.BILLED)
    (line,) = showback([spending(), spending(cost=billed)], ("team",))
    assert line.by_basis == {"metered": Decimal("402.54"), "billed": Decimal("134.18")}
    assert basis_text(line) == "metered 75 %, billed 25 %"
    assert basis_text(showback([spending()], ("team",))[0]) == "metered"
    assert basis_text(Sum(of={})) == "-"


def test_a_small_share_is_not_rounded_to_nothing_nor_a_large_one_to_all() -> None:
    billed = Cost(compute_usd=Decimal("99999"), basis=Basis.BILLED)
    whole = total(
        showback([spending(cost=billed), spending(cost=Cost(compute_usd=Decimal(1), basis=Basis.METERED))], [])
    )
    assert basis_text(whole) == "billed >99 %, metered <1 %"
    assert shares_text(whole) == "billed $99,999.00 (>99 %), metered $1.00 (<1 %)"


def test_a_refund_that_makes_up_for_the_rest_leaves_no_shares() -> None:
    refund = Cost(compute_usd=Decimal("-402.54"), basis=Basis.BILLED)
    whole = total(showback([spending(), spending(cost=refund)], []))
    assert shares_text(whole) == "billed $-402.54 (-), metered $402.54 (-)"
    assert basis_text(whole) == "billed, metered"


def test_a_markdown_table_has_a_cell_for_each_column_whatever_names_hold() -> None:
    lines = showback([spending(asset="a|b"), spending(asset="c"), spending(asset="d")], ("asset", "engine"))
    rows = as_markdown(("asset", "engine"), lines, most=1).splitlines()
    assert {row.replace("\\|", "").count("|") for row in rows} == {11}
    assert rows[2].startswith("| a\\|b | emr |")
    assert [row.split(" | ")[0] for row in rows[3:]] == ["| the rest", "| **total**"]


def test_partitions_share_an_attempt_evenly() -> None:
    lines = showback([spending(partition_keys=("a", "b", "c"))], ("partition",))
    assert [line.of["partition"] for line in lines] == ["a", "b", "c"]
    assert sum(line.total_usd for line in lines) == Decimal("402.54")
    assert sum(line.attempts for line in lines) == 1


def test_an_asset_without_partitions_has_a_line_too() -> None:
    (line,) = showback([spending(partition_keys=())], ("partition",))
    assert line.of == {"partition": NO_PARTITION}


def test_an_unknown_dimension_is_named_with_those_there_are() -> None:
    with pytest.raises(SettingInvalid, match="by colour: there are team, code_location"):
        showback([], ("team", "colour"))


_usd = st.decimals(min_value=0, max_value=10**6, places=9)
_spendings = st.builds(
    spending,
    team=st.sampled_from(("a", "b")),
    engine=st.sampled_from(("local", "emr")),
    partition_keys=st.lists(st.sampled_from("pqrstuv"), max_size=7, unique=True).map(tuple),
    outcome=st.sampled_from(Outcome),
    cost=st.none()
    | st.builds(Cost, compute_usd=_usd, storage_usd=_usd, surcharge_usd=_usd, basis=st.sampled_from(Basis)),
)


@given(st.lists(_spendings, max_size=20), st.lists(st.sampled_from(DIMENSIONS), min_size=1, unique=True))
def test_however_it_is_cut_the_sum_is_the_ledgers(spendings: list[Spending], by: list[str]) -> None:
    whole = total(showback(spendings, by))
    costs = [s.cost for s in spendings if s.cost is not None]
    assert whole.compute_usd == sum(c.compute_usd for c in costs)
    assert whole.storage_usd == sum(c.storage_usd for c in costs)
    assert whole.surcharge_usd == sum(c.surcharge_usd for c in costs)
    assert whole.attempts == len(spendings)
    assert whole.unpriced == len(spendings) - len(costs)
    assert sum(whole.by_basis.values()) == whole.total_usd
