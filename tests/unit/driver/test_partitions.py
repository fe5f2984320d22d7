"""The filter of a run's partitions: the SQL text, and that Python and SQL choose the same rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engineshed_driver import JobError, PartitionFilter

CRAWLS = ("2024-10", "2024-18", "it's", "back\\slash")


def of(*keys: tuple[str, str]) -> PartitionFilter:
    return PartitionFilter.from_context(
        {
            "keys": ["|".join(key) for key in keys],
            "by_key": {"|".join(key): {"crawl": key[0], "domain": key[1]} for key in keys},
        }
    )


def days(*values: str, dimension: str = "date") -> PartitionFilter:
    windows = {
        value: {
            "start": f"{value}T00:00:00+00:00",
            "end": (datetime.fromisoformat(value).replace(tzinfo=UTC) + timedelta(days=1)).isoformat(),
        }
        for value in values
    }
    return PartitionFilter.from_context(
        {
            "keys": list(values),
            "by_key": {value: {dimension: value} for value in values},
            "windows": {dimension: windows},
            "key_range": [values[0], values[-1]],
        }
    )


def test_no_partitions_choose_every_row():
    everything = PartitionFilter.from_context({"keys": [], "by_key": {}, "windows": {}, "key_range": None})
    assert everything.sql({"crawl": "c"}) == "TRUE"
    assert everything.matches({})


@pytest.mark.parametrize(
    ("keys", "columns", "sql"),
    [
        ([("a", "x")], {"crawl": "c"}, "`c` = 'a'"),
        ([("a", "x"), ("b", "x")], {"crawl": "c"}, "`c` IN ('a', 'b')"),
        ([("a", "x"), ("b", "x")], {"domain": "d"}, "`d` = 'x'"),
        ([("a", "x")], {"crawl": "t.c", "domain": "d"}, "`t`.`c` = 'a' AND `d` = 'x'"),
        (
            [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")],
            {"crawl": "c", "domain": "d"},
            "`c` IN ('a', 'b') AND `d` IN ('x', 'y')",
        ),
        (
            [("a", "x"), ("b", "x"), ("b", "y")],
            {"crawl": "c", "domain": "d"},
            "((`c` = 'a' AND `d` = 'x') OR (`c` = 'b' AND `d` IN ('x', 'y')))",
        ),
        ([("it's", "x")], {"crawl": "`odd.name`"}, "`odd.name` = 'it\\'s'"),
        ([("a\\", "x")], {"crawl": "c"}, "`c` = 'a\\\\'"),
        ([("${env:HOME}", "x")], {"crawl": "c"}, "`c` = '\\u0024{env:HOME}'"),
    ],
)
def test_keys_as_sql(keys, columns, sql):
    assert of(*keys).sql(columns) == sql


def test_adjoining_windows_are_joined_and_gaps_kept():
    start, end = "TIMESTAMP '2024-03-01 00:00:00.000000+00:00'", "TIMESTAMP '2024-03-03 00:00:00.000000+00:00'"
    assert days("2024-03-02", "2024-03-01").sql({"date": "t"}) == f"(`t` >= {start} AND `t` < {end})"
    gap = days("2024-03-01", "2024-03-05")
    assert gap.sql({"date": "t"}).count(" OR ") == 1
    assert gap.windows == {"date": ("2024-03-01T00:00:00+00:00", "2024-03-06T00:00:00+00:00")}
    assert gap.key_range == ("2024-03-01", "2024-03-05")


@pytest.mark.parametrize(
    ("found", "matches"),
    [
        (datetime.fromisoformat("2024-03-01"), True),
        (datetime.fromisoformat("2024-03-01T23:59:59.999999"), True),
        (datetime.fromisoformat("2024-03-02"), False),
        (datetime(2024, 3, 2, 0, 30, tzinfo=timezone(timedelta(hours=1))), True),
        (date(2024, 3, 1), True),
        ("2024-03-01T12:00:00Z", True),
        ("2024-02-29T23:59:59", False),
        (None, False),
    ],
)
def test_windows_are_half_open_and_utc(found, matches):
    assert days("2024-03-01").matches({"date": found}) is matches


def test_dimensions_keep_the_order_of_the_keys():
    assert of(("b", "x"), ("a", "x"), ("b", "y")).dimensions == {"crawl": ("b", "a"), "domain": ("x", "y")}


@pytest.mark.parametrize("columns", [{"crowl": "c"}, {}])
def test_what_is_no_dimension_is_refused_with_those_there_are(columns):
    with pytest.raises(JobError, match="'crawl', 'domain'"):
        of(("a", "x")).sql(columns)


def test_a_place_is_given_for_each_partition():
    assert of(("b", "x"), ("a", "x"), ("b", "y")).placed("/data/{crawl}/*.gz") == ["/data/b/*.gz", "/data/a/*.gz"]
    assert of(("b", "x")).placed("s3://bucket/{else}/{domain}") == ["s3://bucket/{else}/x"]
    assert PartitionFilter().placed("/data/{crawl}/*.gz") == ["/data/{crawl}/*.gz"], "by hand"


KEYS = st.lists(st.tuples(st.sampled_from(CRAWLS[:3]), st.sampled_from("xyz")), min_size=1, max_size=9, unique=True)


@settings(max_examples=60)
@given(keys=KEYS, chosen=st.sampled_from([("crawl",), ("domain",), ("crawl", "domain")]))
def test_sql_and_python_choose_the_same_rows(keys, chosen):
    partition = of(*keys)
    rows = [{"crawl": crawl, "domain": domain} for crawl in (*CRAWLS[:3], None) for domain in "xyzw"]
    # DuckDB doubles quotes where Spark takes a backslash; the rest of the text is the same SQL.
    sql = partition.sql({name: name for name in chosen}).replace("`", '"').replace("\\'", "''")
    values = ", ".join(f"({_text(row['crawl'])}, '{row['domain']}')" for row in rows)
    found = duckdb.sql(f"SELECT * FROM (VALUES {values}) AS t(crawl, domain) WHERE {sql}").fetchall()
    wanted = [row for row in rows if partition.matches(row, {name: name for name in chosen})]
    assert sorted(found, key=repr) == sorted(((row["crawl"], row["domain"]) for row in wanted), key=repr)


def _text(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"
