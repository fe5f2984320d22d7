"""Old prices are used, and said to be old wherever the plan is shown."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from engineshed.model.job import SparkJob
from engineshed.model.money import Rates
from engineshed.model.offer import Offer
from engineshed.model.plan import Plan
from engineshed.model.resources import Resources
from engineshed.planning.ageing import with_age_of_prices
from engineshed.planning.explain import as_json, as_markdown, as_text
from engineshed.planning.planner import plan

TODAY = date(2026, 11, 27)


def planned(**days_old: int | None) -> Plan:
    """A plan with an offer of each engine, whose price is so old."""
    offers = [
        Offer(
            engine=engine,
            name="one",
            resources=Resources(),
            rates=Rates(compute_usd_per_hour=Decimal(1), as_of=None if days is None else TODAY - timedelta(days=days)),
        )
        for engine, days in days_old.items()
    ]
    return plan(SparkJob(name="edges", script="edges.py"), offers)


def test_engines_whose_prices_are_too_old_are_named_in_every_form_of_the_plan() -> None:
    found = with_age_of_prices(planned(emr=91, databricks=400, local=90, own=None), TODAY, 90)
    said = "prices are older than 90 days (databricks 400 days, emr 91 days): `engineshed prices refresh`"
    assert found.decided_by[0].startswith(said)
    assert said in as_markdown(found)
    assert said in as_text(found)
    assert as_json(found)["decided_by"][0].startswith(said)


def test_nothing_else_of_the_plan_changes() -> None:
    before = planned(emr=400)
    after = with_age_of_prices(before, TODAY, 90)
    assert after.candidates == before.candidates
    assert after.decided_by[1:] == before.decided_by


def test_fresh_prices_are_no_matter() -> None:
    before = planned(emr=90, databricks=0)
    assert with_age_of_prices(before, TODAY, 90) is before
