"""spark-submit on a cluster: client and cluster mode, configuration, files, archives, and YARN's second attempt."""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
from pathlib import Path

import pytest
from tests.integration.emr.conftest import MakeShed, Shed, step, until

from engineshed.testing.emr import Machines

pytestmark = pytest.mark.needs_java

# No session: a JVM starts in seconds, a session in many more.
LOOKS = """
import json, os, sys
import helper
names = ("FROM_ENV", "FROM_MASTER", "EMR_STEP_ID", "PYSPARK_PYTHON")
print("SAID " + json.dumps({
    "argv": sys.argv[1:],
    "env": {name: os.environ.get(name) for name in names},
    "helper": helper.WHO,
    "cwd": os.getcwd(),
    "files": sorted(os.listdir(".")),
}))
if "fail" in sys.argv:
    raise ValueError("as asked")
"""

CONFIGURATIONS = [
    {
        "Classification": "spark-env",
        "Properties": {},
        "Configurations": [{"Classification": "export", "Properties": {"FROM_ENV": "env"}}],
    },
    {"Classification": "spark-defaults", "Properties": {"spark.yarn.appMasterEnv.FROM_MASTER": "master"}},
    {"Classification": "yarn-site", "Properties": {"yarn.node-labels.enabled": "true"}},
]


def said(log: str) -> dict[str, object]:
    import json

    found: dict[str, object] = json.loads(log.partition("SAID ")[2].splitlines()[0])
    return found


@pytest.fixture
def addresses(shed: Shed) -> dict[str, str]:
    return {
        "script": shed.put("spark/looks.py", LOOKS),
        "helper": shed.put("spark/helper.py", "WHO = 'helper'\n"),
        "data": shed.put("spark/data.txt", "1\n"),
    }


def test_in_client_mode_the_driver_is_the_steps_own_process(shed: Shed, addresses: dict[str, str]) -> None:
    args = ["--py-files", addresses["helper"], "--files", addresses["data"], addresses["script"], "a b", "--name=x"]
    cluster_id = shed.run(step("looks", "spark-submit", *args), Configurations=CONFIGURATIONS)
    assert shed.ended(cluster_id)["State"] == "TERMINATED"
    found = said(shed.step_log(cluster_id))
    step_id = shed.steps(cluster_id)[0]["Id"]
    assert found["argv"] == ["a b", "--name=x"]
    assert found["cwd"] == f"/mnt/var/lib/hadoop/steps/{step_id}"
    assert found["helper"] == "helper"
    env = dict(found["env"])  # type: ignore[call-overload]
    assert (env["FROM_ENV"], env["FROM_MASTER"], env["EMR_STEP_ID"]) == ("env", None, step_id)
    # In client mode YARN brings files to executors only.
    assert "data.txt" not in found["files"]  # type: ignore[operator]


def test_in_cluster_mode_it_is_yarns(shed: Shed, addresses: dict[str, str]) -> None:
    args = ["--deploy-mode", "cluster", "--py-files", addresses["helper"], "--files", f"{addresses['data']}#d.txt"]
    cluster_id = shed.run(
        step("looks", "spark-submit", *args, addresses["script"], "a b"), Configurations=CONFIGURATIONS
    )
    assert shed.ended(cluster_id)["State"] == "TERMINATED"
    (ran,) = shed.steps(cluster_id)
    (application,) = ran["AdditionalInfo"]["ResourceManagerApplicationIds"]
    assert f"Application report for {application} (state: RUNNING)" in shed.step_log(cluster_id, 0, "stderr.gz")
    container = f"{application.replace('application', 'container')}_01_000001"
    found = said(shed.logs(cluster_id, "containers")[f"{application}/{container}/stdout.gz"])
    assert found["argv"] == ["a b"]
    assert found["cwd"] == f"/mnt/yarn/{application}/{container}"
    assert "d.txt" in found["files"]  # type: ignore[operator]
    env = dict(found["env"])  # type: ignore[call-overload]
    # spark-env.sh is not read there, the application master's variables are.
    assert (env["FROM_ENV"], env["FROM_MASTER"], env["EMR_STEP_ID"]) == (None, "master", None)
    # What Spark's YARN client hands on of the submitter's variables, which spark-env.sh has set.
    assert str(env["PYSPARK_PYTHON"]).endswith("/bin/python3")


def test_yarn_tries_a_failed_driver_again_unless_told_not_to(shed: Shed, addresses: dict[str, str]) -> None:
    args = ["--deploy-mode", "cluster", "--py-files", addresses["helper"]]
    once = ["--conf", "spark.yarn.maxAppAttempts=1"]
    cluster_id = shed.run(
        step("twice", "spark-submit", *args, addresses["script"], "fail"),
        step("once", "spark-submit", *args, *once, addresses["script"], "fail"),
    )
    shed.ended(cluster_id)
    assert shed.states(cluster_id) == ["FAILED", "FAILED"]
    assert "finished with failed status" in shed.steps(cluster_id)[0]["Status"]["FailureDetails"]["Message"]
    shed.double.deliver_logs(cluster_id)
    outputs = [name for name in shed.logs(cluster_id, "containers") if name.endswith("/stdout.gz")]
    assert sorted(name.split("/")[1].split("_", 2)[2] for name in outputs) == [
        "0001_01_000001",
        "0001_02_000001",
        "0002_01_000001",
    ]


def test_cancelling_a_step_of_cluster_mode_leaves_its_driver_running(shed: Shed, tmp_path: Path) -> None:
    script = shed.put("spark/waits.py", "import sys, time\nopen(sys.argv[1], 'w').write('up')\ntime.sleep(600)\n")
    submit = ["spark-submit", "--deploy-mode", "cluster", script, str(tmp_path / "mark")]
    cluster_id = shed.run(step("waits", *submit), keep=True)
    until(lambda: (tmp_path / "mark").exists())
    (ran,) = shed.steps(cluster_id)
    shed.emr.cancel_steps(ClusterId=cluster_id, StepIds=[ran["Id"]], StepCancellationOption="TERMINATE_PROCESS")
    until(lambda: shed.states(cluster_id) == ["CANCELLED"])
    listed = step("list", "yarn", "application", "-list")
    shed.emr.add_job_flow_steps(JobFlowId=cluster_id, Steps=[listed])
    until(lambda: shed.states(cluster_id) == ["CANCELLED", "COMPLETED"])
    shed.emr.terminate_job_flows(JobFlowIds=[cluster_id])
    shed.ended(cluster_id)
    assert "RUNNING" in shed.step_log(cluster_id, 1)
    until(lambda: not _running("waits.py"))


def _running(name: str) -> bool:
    found = subprocess.run(["pgrep", "-f", name], capture_output=True, text=True, check=False).stdout.split()
    return bool(found)


def test_yarn_kills_an_application_by_its_id(shed: Shed, tmp_path: Path) -> None:
    script = shed.put("spark/waits.py", "import sys, time\nopen(sys.argv[1], 'w').write('up')\ntime.sleep(600)\n")
    submit = ["spark-submit", "--deploy-mode", "cluster", script, str(tmp_path / "mark")]
    cluster_id = shed.run(step("waits", *submit), keep=True, StepConcurrencyLevel=2)
    until(lambda: (tmp_path / "mark").exists())
    kill = "yarn application -kill $(yarn application -list | cut -f1)"
    shed.emr.add_job_flow_steps(JobFlowId=cluster_id, Steps=[step("kill", "bash", "-c", kill)])
    until(lambda: shed.states(cluster_id) == ["FAILED", "COMPLETED"])
    assert "finished with killed status" in shed.steps(cluster_id)[0]["Status"]["FailureDetails"]["Message"]


def test_archives_are_unpacked_where_the_driver_of_cluster_mode_runs(shed: Shed, addresses: dict[str, str]) -> None:
    python = '#!/bin/sh\nFROM_ENV=packed exec python3 "$@"\n'
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo("bin/python")
        entry.size, entry.mode, entry.mtime = len(python), 0o755, int(time.time())
        tar.addfile(entry, io.BytesIO(python.encode()))
    shed.s3.put_object(Bucket="jobs", Key="spark/env.tar.gz", Body=packed.getvalue())
    args = [
        "--archives", "s3://jobs/spark/env.tar.gz#environment", "--py-files", addresses["helper"],
        "--conf", "spark.pyspark.python=./environment/bin/python", addresses["script"],
    ]  # fmt: skip
    cluster_id = shed.run(
        step("client", "spark-submit", *args),
        step("cluster", "spark-submit", "--deploy-mode", "cluster", "--conf", "spark.yarn.maxAppAttempts=1", *args),
    )
    shed.ended(cluster_id)
    # In client mode only executors have it: as on EMR, the driver's Python is not there.
    assert shed.states(cluster_id) == ["FAILED", "COMPLETED"]
    assert 'Cannot run program "./environment/bin/python"' in shed.step_log(cluster_id, 0, "stderr.gz")
    (output,) = [text for name, text in shed.logs(cluster_id, "containers").items() if name.endswith("stdout.gz")]
    assert dict(said(output)["env"])["FROM_ENV"] == "packed"  # type: ignore[call-overload]


def test_a_script_that_is_not_there_fails_its_step(shed: Shed) -> None:
    cluster_id = shed.run(
        step("client", "spark-submit", "s3://jobs/spark/nothing.py"),
        step("cluster", "spark-submit", "--deploy-mode", "cluster", "s3://jobs/spark/nothing.py"),
    )
    shed.ended(cluster_id)
    assert shed.states(cluster_id) == ["FAILED", "FAILED"]
    assert "s3://jobs/spark/nothing.py: 404" in shed.step_log(cluster_id, 1, "stderr.gz")


JARS = Path.home() / ".m2" / "repository"
READS = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(10).selectExpr("id % 3 as rest").groupBy("rest").count().write.parquet(sys.argv[1])
print("SUM", spark.read.parquet(sys.argv[1]).selectExpr("sum(count)").first()[0], spark.sparkContext.master)
"""


def test_a_session_reads_and_writes_s3_with_the_jars_for_it(make_shed: MakeShed) -> None:
    lock = Path(__file__).parents[3] / "images" / "spark" / "jars.lock"
    jars = tuple(_jar(line.split()[1]) for line in lock.read_text().splitlines() if line)
    if not all(jar.is_file() for jar in jars):
        pytest.skip("the jars of images/spark/jars.lock are not in this machine's Maven repository")
    shed = make_shed(machines=Machines(jars=jars))
    script = shed.put("spark/reads.py", READS)
    cluster_id = shed.run(
        step("reads", "spark-submit", "--conf", "spark.ui.enabled=false", script, f"s3://jobs/out/{time.time_ns()}")
    )
    assert shed.ended(cluster_id)["State"] == "TERMINATED"
    assert shed.states(cluster_id) == ["COMPLETED"], shed.step_log(cluster_id, 0, "stderr.gz")
    assert "SUM 10 local[2]" in shed.step_log(cluster_id)


def _jar(coordinate: str) -> Path:
    group, artifact, version = coordinate.split(":")
    return JARS / group.replace(".", "/") / artifact / version / f"{artifact}-{version}.jar"
