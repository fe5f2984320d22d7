"""Which partitions a backfill is about."""

from __future__ import annotations

import dagster as dg
import pytest

from engineshed.model.errors import SettingInvalid
from engineshed.running.partition_keys import chosen_keys, partition_keys

LETTERS = dg.StaticPartitionsDefinition(list("abcdef"))
KEYS = tuple("abcdef")


def test_assets_that_are_made_together_share_their_partitions() -> None:
    same = dg.StaticPartitionsDefinition(list("abcdef"))
    assert partition_keys({"edges": LETTERS, "graph": same}) == KEYS
    with pytest.raises(SettingInvalid, match="'edges' and 'graph' are not partitioned alike"):
        partition_keys({"edges": LETTERS, "graph": dg.StaticPartitionsDefinition(["a"])})
    with pytest.raises(SettingInvalid, match="asset 'edges' has no partitions"):
        partition_keys({"edges": None})


def test_dynamic_partitions_are_those_that_the_instance_knows() -> None:
    crawls = dg.DynamicPartitionsDefinition(name="crawls")
    both = dg.MultiPartitionsDefinition({"crawl": crawls, "letter": LETTERS})
    for definition in (crawls, both):
        with pytest.raises(SettingInvalid, match="are dynamic, and no Dagster instance can list them"):
            partition_keys({"edges": definition})
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("crawls", ["2024-10"])
        assert partition_keys({"edges": crawls}, instance) == ("2024-10",)
        assert len(partition_keys({"edges": both}, instance)) == 6


def test_keys_and_ranges_are_taken_once_in_the_order_of_the_definition() -> None:
    assert chosen_keys("edges", KEYS, []) == KEYS
    assert chosen_keys("edges", KEYS, ["e", "b...d", "c"]) == ("b", "c", "d", "e")
    dotted = ("1...2", "1", "2", "3")
    assert chosen_keys("edges", dotted, ["1...2"]) == ("1...2",), "a key is a key"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("x", r"asset 'edges' has no partition 'x': name one of a, b, c and 3 more, or a range FIRST\.\.\.LAST"),
        ("a...x", "no partition 'x'"),
        ("d...b", "partitions 'd...b': the first comes after the last, turn them round"),
    ],
)
def test_what_is_no_partition_is_refused(word: str, said: str) -> None:
    with pytest.raises(SettingInvalid, match=said):
        chosen_keys("edges", KEYS, [word])
