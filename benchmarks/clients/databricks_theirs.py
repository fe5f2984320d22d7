"""A materialisation by Dagster's own client of Databricks: prints one JSON line of what Dagster kept.

    .venv-cache/dagster-databricks/bin/python benchmarks/clients/databricks_step.py HOST TOKEN PYTHON_FILE

Runs in an environment of its own, started by databricks_theirs.py, which has the workspace, the faults and the script.
"""

import json
import sys
from typing import Any

import dagster as dg
from dagster_databricks import PipesDatabricksClient
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import compute, jobs

POLL_S = 0.5


def submit_task(python_file: str) -> jobs.SubmitTask:
    """As Dagster's documentation has it: a new cluster, one Python file."""
    return jobs.SubmitTask(
        task_key="edges",
        new_cluster=compute.ClusterSpec(spark_version="15.4.x-scala2.12", node_type_id="m5.xlarge", num_workers=1),
        spark_python_task=jobs.SparkPythonTask(python_file=python_file, source=jobs.Source.WORKSPACE),
    )


def materialise(host: str, token: str, python_file: str) -> dict[str, Any]:
    """What Dagster's run and event log say of one materialisation."""
    heard: list[Any] = []

    @dg.asset
    def edges(context: dg.AssetExecutionContext, databricks: dg.ResourceParam[PipesDatabricksClient]) -> Any:
        done = databricks.run(context=context, task=submit_task(python_file))
        heard.extend(done.get_custom_messages())
        return done.get_results()

    client = PipesDatabricksClient(WorkspaceClient(host=host, token=token), poll_interval_seconds=POLL_S)
    instance = dg.DagsterInstance.ephemeral()
    result = dg.materialize([edges], resources={"databricks": client}, instance=instance, raise_on_error=False)
    run = instance.get_run_by_id(result.run_id)
    return {
        "dagster_run": result.run_id,
        "dagster_status": run.status.value if run else None,
        "materializations": len(result.get_asset_materialization_events()),
        "messages": len(heard),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(materialise(*sys.argv[1:4])) + "\n")
