"""A small code location, copied into the folder of each test: one asset for each way a job can go."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
from mortality import deadly

from engineshed import Engineshed, SampleInput, SparkJob, backfill_sensor, has_rows, spark_asset
from engineshed.model.objective import Objective
from engineshed.running.shed import Cadence, Shed

FOLDER = Path(__file__).parent
QUICK = Cadence(
    messages_s=0.05, status_s=0.1, run_state_s=0.2, lease_s=1.5, drain_s=2.0, cancel_s=10.0, progress_s=0.2, busy_s=1.0
)


class QuickEngineshed(Engineshed):
    """The resource with a quick cadence, and with a death where the environment asks for one."""

    def shed(self) -> Shed:
        """The shed of this process."""
        shed = replace(super().shed(), cadence=QUICK)
        return deadly(shed, os.environ["DIE_AT"]) if os.environ.get("DIE_AT") else shed


def _asset(
    name: str,
    *,
    script: str = "plain.py",
    act: str = "",
    gate: str = "go",
    tables: tuple[str, ...] = ("numbers",),
    timeout_s: float | None = None,
    pinned: str | None = "sail",
    **fields: Any,
) -> dg.AssetsDefinition:
    settings = {"marks": str(FOLDER / "marks"), "gate": str(FOLDER / gate), "act": act, "rows": 7}
    job = SparkJob(
        name=name,
        modules=(str(FOLDER / "payloads" / "doubling.py"),) if script == "on_spark.py" else (),
        script=str(FOLDER / "payloads" / script),
        settings=settings,
        tables=tables,
        timeout_s=timeout_s,
        sample=SampleInput(settings={"rows": 3}),
    )
    return spark_asset(name, job, team="tests", objective=Objective(pinned=pinned), **fields)


CRAWL_BY_DAY = dg.MultiPartitionsDefinition(
    {"domain": dg.StaticPartitionsDefinition(["banks", "carmakers"]), "day": dg.DailyPartitionsDefinition("2026-01-01")}
)

defs = dg.Definitions(
    assets=[
        _asset("numbers", partitions_def=dg.StaticPartitionsDefinition(["a", "b"]), checks=[has_rows("numbers")]),
        _asset("filled", partitions_def=dg.StaticPartitionsDefinition(list("abcde"))),
        _asset("retried", retry_policy=dg.RetryPolicy(max_retries=2)),
        _asset("free", pinned=None),
        _asset("slow", timeout_s=1.0, gate="never"),
        _asset("raises", act="raise"),
        _asset("raises_and_exits_zero", act="raise_quietly"),
        _asset("killed", act="kill"),
        _asset("silent", script="silent.py", tables=()),
        _asset("forgets_a_table", tables=("numbers", "letters")),
        _asset("too_few", checks=[has_rows("numbers", at_least=1000)]),
        _asset("random", act="random"),
        _asset("earlier", pinned=None),
        _asset("later", pinned=None, deps=["earlier"]),
        _asset("on_spark", script="on_spark.py", pinned=None),
        _asset(
            "stock",
            script="stock.py",
            tables=(),
            check_specs=[dg.AssetCheckSpec("rows_are_odd", asset="stock")],
        ),
        _asset(
            "says_too_little",
            check_specs=[dg.AssetCheckSpec("rows_are_odd", asset="says_too_little")],
        ),
        _asset(
            "many",
            script="on_spark.py",
            pinned=None,
            partitions_def=CRAWL_BY_DAY,
            backfill_policy=dg.BackfillPolicy.single_run(),
        ),
    ],
    jobs=[dg.define_asset_job("numbers_job", selection=["numbers"])],
    sensors=[backfill_sensor(minimum_interval_seconds=1)],
    resources={"engineshed": QuickEngineshed(location_file=str(FOLDER / "location.yaml"))},
    executor=dg.multiprocess_executor if os.environ.get("EXECUTOR") == "multiprocess" else dg.in_process_executor,
)
