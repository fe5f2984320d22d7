"""The nouns keep their promises."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engineshed
from engineshed.model.errors import JobInvalid, RunFailed, SubmitRejected
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.job import Mode, SampleInput, SparkJob
from engineshed.model.launch import TOKEN_PREFIX, LaunchKey
from engineshed.model.objective import Layer, Objective
from engineshed.model.partition import PartitionSelection, partition_dir, partition_of_dir
from engineshed.model.request import Request
from engineshed.model.resources import Resources
from engineshed.model.usage import Usage, UsageInterval
from engineshed.running.order import Order


@given(st.text(min_size=1, alphabet=st.characters(exclude_categories=("Cs",))))
def test_a_partitions_folder_is_one_safe_segment_and_leads_back(key: str) -> None:
    name = partition_dir(key)
    assert partition_of_dir(name) == key
    assert "/" not in name
    assert name not in (".", "..")
    assert not name.startswith(("_", "."))


def test_no_partition_has_a_folder_that_no_key_can_have() -> None:
    assert partition_of_dir(partition_dir(None)) is None
    assert partition_dir("_all") != partition_dir(None)


@given(st.lists(st.text(max_size=5), max_size=3), st.lists(st.text(max_size=5), max_size=3), st.integers(1, 10**6))
def test_tokens_differ_where_keys_or_ordinals_differ(one: list[str], other: list[str], ordinal: int) -> None:
    first, second = LaunchKey("root", "step", tuple(one)), LaunchKey("root", "step", tuple(other))
    assert (first.token(ordinal) == second.token(ordinal)) == (one == other)
    assert first.token(ordinal) != first.token(ordinal + 1)


def test_a_token_is_a_name_on_every_platform() -> None:
    token = LaunchKey("root", "step", ("a|b",)).token(7)
    assert token.startswith(TOKEN_PREFIX)
    assert len(token) <= 63
    assert token.replace("-", "").isalnum()
    assert token == token.lower()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "empty name"),
        ({"script": ""}, "no script"),
        ({"tables": ("a", "a")}, "names a table twice"),
        ({"tables": ("_a",)}, "no identifiers: _a"),
        ({"timeout_s": 0}, "above 0"),
        ({"timeout_s": float("inf")}, "above 0"),
    ],
)
def test_a_wrong_job_is_refused_at_once(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(JobInvalid, match=said):
        SparkJob(**{"name": "edges", "script": "edges.py", **wrong})  # type: ignore[arg-type]


def test_wrong_resources_name_field_and_least() -> None:
    with pytest.raises(JobInvalid, match=r"resources.executor_cores is 0: give at least 1"):
        Resources(executor_cores=0)
    with pytest.raises(JobInvalid, match="executor_memory_gib is nan"):
        Resources(executor_memory_gib=float("nan"))


def test_a_sample_lays_its_input_over_the_job_and_full_is_the_job_itself() -> None:
    small = Resources(executors=0)
    job = SparkJob(
        name="edges",
        script="edges.py",
        settings={"warc": ["all"], "kinds": ["a"]},
        sample=SampleInput(settings={"warc": ["few"]}, resources=small, expected_input_bytes=5),
    )
    sample = job.in_mode(Mode.SAMPLE)
    assert dict(sample.settings) == {"warc": ["few"], "kinds": ["a"]}
    assert sample.resources is small
    assert sample.expected_input_bytes == 5
    assert job.in_mode(Mode.FULL) is job
    with pytest.raises(JobInvalid, match="no sample input"):
        SparkJob(name="x", script="x.py").in_mode(Mode.SAMPLE)


def test_the_class_of_an_error_decides_about_the_next_offer() -> None:
    going_on = {c for c in FailureClass if c.tries_next_offer}
    assert going_on == {
        FailureClass.CAPACITY,
        FailureClass.SPOT_LOSS,
        FailureClass.PLATFORM,
        FailureClass.UNSUPPORTED,
    }
    assert SubmitRejected("x", FailureClass.CAPACITY).failure_class.tries_next_offer
    assert not RunFailed("x", Failure(FailureClass.USER_CODE, "r", "m")).failure_class.tries_next_offer


def test_a_selection_lists_distinct_values_in_the_order_of_keys() -> None:
    by_key = {"b|x": {"crawl": "b", "domain": "x"}, "a|x": {"crawl": "a", "domain": "x"}}
    selection = PartitionSelection(keys=("b|x", "a|x"), by_key=by_key)
    assert selection.dimensions == {"crawl": ("b", "a"), "domain": ("x",)}


def test_usage_spans_first_start_to_last_end() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    first = UsageInterval(item="node", quantity=1, start=start, end=start + timedelta(hours=1))
    second = UsageInterval(item="node", quantity=1, start=start, end=start + timedelta(hours=3))
    assert Usage(intervals=(first, second)).hours == 3
    assert Usage().hours == 0


def test_a_request_has_one_text() -> None:
    one = Request("e", LaunchKey("r", "s").token(1), {"b": 1, "a": [1, 2]})
    other = Request("e", one.token, {"a": [1, 2], "b": 1})
    assert one.canonical() == other.canonical()
    assert one.digest == other.digest
    assert json.loads(one.canonical())["body"] == {"a": [1, 2], "b": 1}


def test_an_order_survives_json() -> None:
    order = Order(
        asset="edges",
        job=SparkJob(name="edges", script="edges.py", sample=SampleInput(settings={"n": 1})),
        mode=Mode.SAMPLE,
        team="web",
        code_location="web_graph",
        selection=PartitionSelection(keys=("a",), by_key={"a": {"default": "a"}}),
        layers=(Layer("asset", Objective(pinned="sail", forbidden=frozenset({"local"}))),),
    )
    assert Order.from_json(json.loads(json.dumps(order.to_json()))) == order


def test_every_public_name_is_there() -> None:
    for name in engineshed.__all__:
        assert getattr(engineshed, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        engineshed.nothing  # noqa: B018
