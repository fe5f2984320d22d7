"""Tables of past runs: good ones, and what is wrong with the others, by line and column."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engineshed.model.errors import SettingInvalid
from engineshed.planning.past_table import read_rows, steps_of

HEADER = "step,engine,hours,cost_usd"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: the columns step, engine, hours, cost_usd are missing; there are none"),
        ("step,engine,hours", "the columns cost_usd are missing; there are step, engine, hours"),
        (f"{HEADER},colour\n", "unknown columns colour; known are step"),
        (f"{HEADER},hours\n", "the columns hours are there twice"),
        (f"{HEADER}\n", "has no rows"),
        (f"{HEADER}\na,emr,x,1\n", "line 2, column hours: 'x' is no number"),
        (f"{HEADER}\na,emr,1,1\na,emr,1,NaN\n", "line 3, column cost_usd: is NaN"),
        (f"{HEADER}\na,emr,-1,1\n", "line 2, column hours: is -1; give a number from 0 to"),
        (f"{HEADER}\n,emr,1,1\n", "line 2, column step: is empty"),
        (f"{HEADER}\na,emr,1,1,9\n", "more cells than the header has columns"),
        (f"{HEADER},outcome\na,emr,1,1,maybe\n", "column outcome: is 'maybe'; give succeeded or failed"),
        (f"{HEADER},compute_usd,storage_usd,surcharge_usd\na,emr,1,3,1,1,2\n", "is 3, but its parts add up to 4"),
        (f"{HEADER}\na,emr,1e400,1\n", "line 2, column hours: is 1e400; give a number from 0 to"),
        (f'{HEADER}\na,emr,1,1\n"a,emr,1,1\n', "line 3: no CSV"),
    ],
)
def test_a_wrong_table_is_refused_by_place(text: str, words: str) -> None:
    with pytest.raises(SettingInvalid, match=r"runs\.csv") as caught:
        read_rows(text, "runs.csv")
    assert words in str(caught.value)


def test_each_step_waits_for_the_one_before_unless_the_table_says_otherwise() -> None:
    chained = steps_of(read_rows(f"{HEADER}\na,x,1,1\nb,x,1,1\n", "t"), "t")
    assert [s.after for s in chained] == [(), ("a",)]
    stated = steps_of(read_rows(f"{HEADER},after\na,x,1,1,\nb,x,1,1,\nc,x,1,1,a; b\n", "t"), "t")
    assert [s.after for s in stated] == [(), (), ("a", "b")]


@pytest.mark.parametrize(
    ("after", "words"),
    [("b", "steps wait for one another in a circle: a -> b -> a"), ("c", "step 'a' waits for c, which is no step")],
)
def test_steps_that_make_no_graph_are_refused_naming_the_table(after: str, words: str) -> None:
    rows = read_rows(f"{HEADER},after\na,x,1,1,{after}\nb,x,1,1,a\n", "runs.csv")
    with pytest.raises(SettingInvalid, match=rf"runs\.csv, column after: {words}"):
        steps_of(rows, "runs.csv")


def test_medians_input_and_failures_make_the_ways_of_a_step() -> None:
    text = (
        f"{HEADER},outcome,input_bytes\n"
        "a,emr,1,10,,100\na,emr,1.2,12,,100\na,emr,90,900,succeeded,100\na,emr,0.3,3,failed,100\n"
        "a,spark,1,4,,50\n"
    )
    (step,) = steps_of(read_rows(text, "t"), "t")
    emr, spark = step.choices
    assert (emr.engine, emr.hours, emr.cost_usd) == ("emr", pytest.approx(1.2 + 0.3 / 3), Decimal("12") + 1)
    assert (spark.hours, spark.cost_usd) == (2.0, Decimal("8.0"))


def test_an_engine_that_never_succeeded_is_no_way_and_a_step_without_any_is_refused() -> None:
    rows = read_rows(f"{HEADER},outcome\na,emr,1,1,failed\na,spark,1,1,\n", "t")
    assert [c.engine for c in steps_of(rows, "t")[0].choices] == ["spark"]
    with pytest.raises(SettingInvalid, match="step 'a' never succeeded on any engine"):
        steps_of(rows[:1], "t")
