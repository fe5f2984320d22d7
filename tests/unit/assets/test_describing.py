"""What Dagster shows of a result, and in which order."""

from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import pytest

from engineshed.assets.describing import check_metadata, materialisation_metadata
from engineshed.model.check import CheckOutcome
from engineshed.model.commit import CommitRef
from engineshed.model.job import Mode
from engineshed.running.result import Published, Reported, Result

PUBLISHED = Published(
    ref=CommitRef(asset="edges", partition="p", mode=Mode.SAMPLE, ordinal=3, digest="d1"),
    rows={"pages": 2, "links": 30},
    size_bytes={"pages": 100, "links": 2000},
    hashes={"pages": "h1", "links": None},
    upstream=(CommitRef(asset="nodes", partition=None, mode=Mode.SAMPLE, ordinal=2, digest="d0"),),
)
DRAWN = {"network": dg.MetadataValue.md("![](data:,)"), "links": dg.MetadataValue.int(7)}


@pytest.fixture
def result() -> Result:
    report = {"drops": {"other scheme": 5, "self": 9}, "by_partition": {"p": {"links": 30}, "q": {"links": 1}}}
    return Result(
        token="es-1",
        ordinal=3,
        asset="edges",
        mode=Mode.SAMPLE,
        engine="one",
        offer="one[2]",
        native_id="n1",
        seconds=1.5,
        attempts=1,
        adopted=False,
        messages=4,
        plan={},
        links={"driver output": "/runs/es-1/stdout", "console": "https://example.org/run"},
        provenance={"staged": "s1", "at": datetime(2026, 1, 1, tzinfo=UTC)},
        published=(PUBLISHED,),
        reported=Reported(report=report),
        warnings=("the channel broke",),
    )


def test_the_picture_comes_first_and_the_provenance_last(result: Result) -> None:
    shown = materialisation_metadata(result, PUBLISHED, DRAWN)
    names = list(shown)
    order = ["network", "drops", "rows/links", "engineshed/engine", "link/console", "engineshed/provenance"]
    assert [names.index(name) for name in order] == sorted(names.index(name) for name in order)
    assert (names[0], names[-1]) == (order[0], order[-1])
    assert shown["warning/1"].value == "the channel broke"
    assert isinstance(shown["link/console"], dg.UrlMetadataValue)
    assert isinstance(shown["link/driver output"], dg.PathMetadataValue)


def test_what_was_forecast_is_plotted_beside_what_came_of_it(result: Result) -> None:
    planned = replace(result, plan={"chosen": {"hours": 1.25, "cost_usd": "0.10"}})
    shown = materialisation_metadata(planned, PUBLISHED, {})
    told = [shown[f"engineshed/forecast_{name}"] for name in ("hours", "cost_usd")]
    assert told == [dg.MetadataValue.float(1.25), dg.MetadataValue.float(0.1)]
    unknown = replace(result, plan={"chosen": {"hours": None, "cost_usd": None}})
    assert not any("forecast" in name for name in materialisation_metadata(unknown, PUBLISHED, {}))


def test_a_drawing_has_the_last_word_over_the_report(result: Result) -> None:
    assert materialisation_metadata(result, PUBLISHED, {})["links"].value == 30
    assert materialisation_metadata(result, PUBLISHED, DRAWN)["links"].value == 7


def test_groups_of_counts_are_a_table_with_the_largest_first_and_numbers_to_plot(result: Result) -> None:
    shown = materialisation_metadata(result, PUBLISHED, {})
    assert str(shown["drops"].value).splitlines()[2:] == ["| self | 9 |", "| other scheme | 5 |"]
    assert shown["drops/self"].value == 9


def test_the_upstream_commits_are_named(result: Result) -> None:
    shown = materialisation_metadata(result, PUBLISHED, {})
    assert "| nodes | - | 2 | d0 |" in str(shown["commit/upstream"].value)


def test_a_run_that_published_nothing_still_says_how_it_ran(result: Result) -> None:
    shown = materialisation_metadata(result, None, {})
    assert "commit/digest" not in shown
    assert shown["engineshed/engine"].value == "one"


def test_a_hash_that_was_not_computed_is_left_out(result: Result) -> None:
    shown = materialisation_metadata(result, PUBLISHED, {})
    assert "dataset_hash/pages" in shown
    assert "dataset_hash/links" not in shown


def test_what_a_check_found_in_many_partitions_is_one_table() -> None:
    found = {"a|x": {"rows": 1}, "b|x": {"rows": 0, "examples": ["u"]}}
    outcome = CheckOutcome(name="c", passed=False, blocking=True, metadata={"by_partition": found}, description="")
    table = str(check_metadata(outcome)["by_partition"].value)
    assert table.splitlines() == [
        "| partition | rows | examples |",
        "|---|---:|---:|",
        "| a\\|x | 1 |  |",
        "| b\\|x | 0 | ['u'] |",
    ]


def test_what_a_check_found_in_one_partition_stays_numbers() -> None:
    outcome = CheckOutcome(name="c", passed=True, blocking=True, metadata={"rows": 3}, description="")
    assert check_metadata(outcome)["rows"].value == 3
