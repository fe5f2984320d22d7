"""Every partition of a run reaches the job: single keys, ranges, windows and dimensions, by real Dagster runs."""

from typing import Any

import dagster as dg

from engineshed.model.partition import PartitionSelection, Window
from engineshed.running.selection import selection_of


def _selected(partitions_def: dg.PartitionsDefinition[Any] | None, **run: Any) -> PartitionSelection:
    seen: list[PartitionSelection] = []

    @dg.asset(partitions_def=partitions_def, backfill_policy=dg.BackfillPolicy.single_run())
    def probe(context: dg.AssetExecutionContext) -> None:
        seen.append(selection_of(context))

    assert dg.materialize([probe], instance=dg.DagsterInstance.ephemeral(), **run).success
    return seen[0]


def _range(first: str, last: str) -> dict[str, dict[str, str]]:
    return {"tags": {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}}


def test_an_asset_without_partitions_has_one_nameless_target() -> None:
    selection = _selected(None)
    assert selection == PartitionSelection()
    assert selection.targets == (None,)


def test_one_daily_key_has_its_window() -> None:
    selection = _selected(dg.DailyPartitionsDefinition("2024-01-01"), partition_key="2024-03-05")
    assert selection.keys == ("2024-03-05",)
    assert selection.windows == {
        "default": {"2024-03-05": Window("2024-03-05T00:00:00+00:00", "2024-03-06T00:00:00+00:00")}
    }
    assert selection.key_range is None


def test_a_single_run_backfill_over_days_has_the_whole_key_list_the_range_and_every_window() -> None:
    selection = _selected(dg.DailyPartitionsDefinition("2024-01-01"), **_range("2024-03-05", "2024-03-07"))
    assert selection.keys == ("2024-03-05", "2024-03-06", "2024-03-07")
    assert selection.key_range == ("2024-03-05", "2024-03-07")
    assert list(selection.windows["default"]) == list(selection.keys)


def test_a_single_run_backfill_over_two_dimensions_has_every_dimension_of_every_key() -> None:
    definition = dg.MultiPartitionsDefinition(
        {
            "month": dg.MonthlyPartitionsDefinition("2024-01-01"),
            "domain": dg.StaticPartitionsDefinition(["banks", "carmakers"]),
        }
    )
    selection = _selected(definition, **_range("banks|2024-01-01", "carmakers|2024-02-01"))
    assert sorted(selection.keys) == [
        "banks|2024-01-01",
        "banks|2024-02-01",
        "carmakers|2024-01-01",
        "carmakers|2024-02-01",
    ]
    assert selection.by_key["carmakers|2024-02-01"] == {"domain": "carmakers", "month": "2024-02-01"}
    assert selection.dimensions["domain"] == ("banks", "carmakers")
    assert list(selection.windows) == ["month"]
    assert selection.windows["month"]["2024-02-01"].end.startswith("2024-03-01")


def test_static_keys_with_slashes_and_dots_survive() -> None:
    definition = dg.StaticPartitionsDefinition(["a/b", "..", "c d"])
    assert _selected(definition, partition_key="..").by_key == {"..": {"default": ".."}}
