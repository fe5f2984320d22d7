"""Places of data files that name the partitions that run."""

from __future__ import annotations

import pytest

from engineshed.model.errors import JobInvalid
from engineshed.model.partition import PartitionSelection

BY_KEY = {
    f"{crawl}|{domain}": {"crawl": crawl, "domain": domain} for crawl in ("2023", "2024") for domain in ("x", "y")
}


def selected(*keys: str) -> PartitionSelection:
    return PartitionSelection(keys=keys, by_key={key: BY_KEY[key] for key in keys})


def test_a_dimension_gives_each_of_its_values_once() -> None:
    found = selected("2024|x", "2023|x", "2024|y").placed("/data/{crawl}/*.gz")
    assert found == ("/data/2024/*.gz", "/data/2023/*.gz")


def test_several_names_give_what_the_keys_combine() -> None:
    assert selected("2024|x", "2023|y").placed("/{domain}/{crawl}/{domain}.csv") == ("/x/2024/x.csv", "/y/2023/y.csv")


def test_the_whole_key_of_one_dimension() -> None:
    days = ("2026-01-01", "2026-01-02")
    selection = PartitionSelection(keys=days, by_key={day: {"default": day} for day in days})
    assert selection.placed("/in/{partition}.csv") == ("/in/2026-01-01.csv", "/in/2026-01-02.csv")


def test_a_place_without_names_is_for_all_partitions() -> None:
    assert selected("2024|x").placed("/data/*.gz") == ("/data/*.gz",)
    assert PartitionSelection().placed("/data/*.gz") == ("/data/*.gz",)


def test_a_name_that_is_no_dimension_is_refused_with_those_there_are() -> None:
    with pytest.raises(JobInvalid, match="no partition dimension 'crowl'; there are crawl, domain, partition"):
        selected("2024|x").placed("/data/{crowl}/*.gz")
    with pytest.raises(JobInvalid, match="names partitions, but the asset has none"):
        PartitionSelection().placed("/data/{partition}/*.gz")


@pytest.mark.parametrize("value", ["..", ".", "", "../../etc", "a/b", "*", "a?", "[ab]", "{x}", "a\\b"])
def test_a_key_cannot_lead_elsewhere(value: str) -> None:
    """Keys of dynamic partitions may be anybody's."""
    selection = PartitionSelection(keys=(value,), by_key={value: {"default": value}})
    with pytest.raises(JobInvalid, match="no part of a file's name"):
        selection.placed("/data/{partition}/*.gz")
