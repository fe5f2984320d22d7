"""A run worker with engineshed. ENGINESHED_LOCATION and ENGINESHED_PLATFORM name its settings, BENCH_SCRIPT the script.

It looks oftener than it does as shipped, for the doubles' time runs faster than ours; BENCH_AS_SHIPPED lets it be.
"""

from __future__ import annotations

import os
from dataclasses import replace

import dagster as dg
from materialising import materialise

from engineshed import Engineshed, SparkJob, spark_asset
from engineshed.running.shed import Cadence, Shed

QUICK = Cadence(messages_s=0.1, status_s=0.2, run_state_s=0.3, lease_s=2.0)


class QuickEngineshed(Engineshed):
    """The resource with a quick cadence."""

    def shed(self) -> Shed:
        """The shed of this process."""
        shed = super().shed()
        return shed if "BENCH_AS_SHIPPED" in os.environ else replace(shed, cadence=QUICK)


def talk_job() -> dg.JobDefinition:
    """The asset's job."""
    talk = spark_asset("talk", SparkJob(name="talk", script=os.environ["BENCH_SCRIPT"]), team="bench")
    shed = QuickEngineshed(location_file=os.environ["ENGINESHED_LOCATION"])
    jobs = [dg.define_asset_job("talk_job", "talk")]
    defs = dg.Definitions([talk], jobs=jobs, resources={"engineshed": shed}, executor=dg.in_process_executor)
    return defs.resolve_job_def("talk_job")


if __name__ == "__main__":
    materialise(talk_job)
