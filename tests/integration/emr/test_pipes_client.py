"""Dagster's own client runs on the double as it runs on EMR: its waiters, its context, its reader of messages."""

import json
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
from botocore.loaders import Loader
from dagster_aws.pipes import PipesEMRClient, PipesS3MessageReader
from tests.integration.emr.conftest import Shed, cluster, step

from engineshed.testing.emr.neighbours import CREDENTIALS

pytestmark = pytest.mark.needs_java

SCRIPT = """
import boto3
from dagster_pipes import PipesS3MessageWriter, open_dagster_pipes
with open_dagster_pipes(message_writer=PipesS3MessageWriter(client=boto3.client("s3"))) as pipes:
    pipes.log.info("on the cluster")
    pipes.report_custom_message({"partition": pipes.partition_key})
    pipes.report_asset_materialization(metadata={"rows": 7})
"""


def hasty_client(endpoint_url: str, folder: Path) -> Any:
    """boto3 with EMR's waiters as they are, but for the half minute between two looks."""
    waiters = Loader().load_service_model("emr", "waiters-2")
    for waiter in waiters["waiters"].values():
        waiter.update(delay=0.2, maxAttempts=2000)
    path = folder / "emr" / "2009-03-31" / "waiters-2.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(waiters))
    session = boto3.session.Session(region_name="us-east-1", **CREDENTIALS)
    session._session.get_component("data_loader").search_paths.insert(0, str(folder))
    return session.client("emr", endpoint_url=endpoint_url)


def test_pipes_emr_client_runs_a_script_and_reads_its_messages(shed: Shed, tmp_path: Path) -> None:
    address = shed.put("pipes/script.py", SCRIPT)
    emr = hasty_client(shed.double.endpoint_url, tmp_path / "botocore")
    reader = PipesS3MessageReader(bucket="jobs", client=shed.s3, interval=1, include_stdio_in_messages=True)
    client = PipesEMRClient(message_reader=reader, client=emr)
    custom: list[Any] = []

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["CC-1"]))
    def edges(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        params = cluster(step("edges", "spark-submit", address))
        done = client.run(context=context, run_job_flow_params=params)
        custom.extend(done.get_custom_messages())
        return done.get_materialize_result()

    with dg.instance_for_test() as instance:
        result = dg.materialize([edges], partition_key="CC-1", instance=instance)
        lines = [record.event_log_entry.user_message for record in instance.get_records_for_run(result.run_id).records]
    assert result.success
    (materialized,) = result.asset_materializations_for_node("edges")
    assert materialized.metadata["rows"].value == 7
    assert custom == [{"partition": "CC-1"}]
    assert "on the cluster" in lines
    (found,) = shed.double.submissions
    assert found.tags["dagster/run-id"] == result.run_id
    assert found.state == "TERMINATED"
    assert materialized.metadata["AWS EMR Cluster ID"].value == found.id
    assert shed.double.billing_now() == []
