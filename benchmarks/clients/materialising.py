"""What a run worker does with an asset, whoever makes it: nothing of engineshed, for both environments import it.

The instance is that of the folder in BENCH_FOLDER. A run that is found there unfinished has lost its worker: it is
failed and retried, as Dagster's run monitoring and run retries do. What came of it the instance tells.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import dagster as dg


def materialise(job: Callable[[], dg.JobDefinition]) -> None:
    """One run of the job, or the retry of the one that was left. job: a function of the module that is run."""
    reconstructable = dg.reconstructable(job)
    with dg.DagsterInstance.local_temp(os.environ["BENCH_FOLDER"]) as instance:
        left = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        again = None
        for run in left:
            instance.report_run_failed(run, "Detected run worker status FAILED.")
            again = dg.ReexecutionOptions.from_failure(run.run_id, instance)
        dg.execute_job(reconstructable, instance, reexecution_options=again)
