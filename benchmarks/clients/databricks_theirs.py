"""A run worker with Dagster's own client of Databricks, as its documentation has it. In an environment of its own.

The workspace is that of DATABRICKS_HOST and DATABRICKS_TOKEN, the script that of BENCH_ADDRESS.
"""

import os
from typing import Any

import dagster as dg
from dagster_databricks import PipesDatabricksClient
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import compute, jobs
from materialising import materialise

POLL_S = 0.5


def submit_task() -> jobs.SubmitTask:
    """A new cluster, one Python file."""
    return jobs.SubmitTask(
        task_key="talk",
        new_cluster=compute.ClusterSpec(spark_version="15.4.x-scala2.12", node_type_id="m5.xlarge", num_workers=1),
        spark_python_task=jobs.SparkPythonTask(python_file=os.environ["BENCH_ADDRESS"], source=jobs.Source.WORKSPACE),
    )


@dg.asset
def talk(context: dg.AssetExecutionContext, databricks: dg.ResourceParam[PipesDatabricksClient]) -> Any:
    """What the script says of itself."""
    return databricks.run(context=context, task=submit_task()).get_results()


def talk_job() -> dg.JobDefinition:
    """The asset's job."""
    client = PipesDatabricksClient(WorkspaceClient(), poll_interval_seconds=POLL_S)
    named = [dg.define_asset_job("talk_job", "talk")]
    defs = dg.Definitions([talk], jobs=named, resources={"databricks": client}, executor=dg.in_process_executor)
    return defs.resolve_job_def("talk_job")


if __name__ == "__main__":
    materialise(talk_job)
