"""A run worker with Dagster's own client of EMR, as its documentation has it.

EMR is at BENCH_EMR, S3 where boto3's own variables say, the script at BENCH_ADDRESS. BENCH_ACTION is the step's
`ActionOnFailure`; BENCH_ENV, where it is set, a variable of a `spark-env` of the user's own.
"""

import os
from typing import Any

import boto3
import dagster as dg
from dagster_aws.pipes import PipesEMRClient, PipesS3MessageReader
from materialising import materialise

BUCKET = "jobs"
LOOK_S = 1


def cluster() -> dict[str, Any]:
    """A cluster of one machine with one step."""
    arguments = ["spark-submit", "--deploy-mode", "client", os.environ["BENCH_ADDRESS"]]
    step = {"Name": "talk", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": arguments}}
    machines = [{"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}]
    own = {"Classification": "export", "Properties": {"TEAM": os.environ.get("BENCH_ENV", "")}}
    stated = [{"Classification": "spark-env", "Configurations": [own]}] if "BENCH_ENV" in os.environ else []
    return {
        "Name": "talk",
        "ReleaseLabel": "emr-7.5.0",
        "Applications": [{"Name": "Spark"}],
        "LogUri": f"s3://{BUCKET}/logs",
        "JobFlowRole": "EMR_EC2_DefaultRole",
        "ServiceRole": "EMR_DefaultRole",
        "Instances": {"InstanceGroups": machines, "KeepJobFlowAliveWhenNoSteps": False},
        "Configurations": stated,
        "Steps": [{**step, "ActionOnFailure": os.environ["BENCH_ACTION"]}],
    }


@dg.asset
def talk(context: dg.AssetExecutionContext, emr: dg.ResourceParam[PipesEMRClient]) -> Any:
    """What the script says of itself."""
    return emr.run(context=context, run_job_flow_params=cluster()).get_results()  # type: ignore[arg-type]


def talk_job() -> dg.JobDefinition:
    """The asset's job."""
    s3 = boto3.client("s3")
    reader = PipesS3MessageReader(bucket=BUCKET, client=s3, interval=LOOK_S, include_stdio_in_messages=True)
    client = PipesEMRClient(message_reader=reader, client=boto3.client("emr", endpoint_url=os.environ["BENCH_EMR"]))
    jobs = [dg.define_asset_job("talk_job", "talk")]
    defs = dg.Definitions([talk], jobs=jobs, resources={"emr": client}, executor=dg.in_process_executor)
    return defs.resolve_job_def("talk_job")


if __name__ == "__main__":
    materialise(talk_job)
