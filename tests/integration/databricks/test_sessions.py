"""Sessions and delivered logs of the double."""

from __future__ import annotations

import gzip
import json
import time

import pytest
from tests.integration.databricks.clients import CLUSTER, VOLUME, Workspace, open_workspace, task
from tests.integration.databricks.scripts import ENDS_S, SERVERLESS, SPARK_S, STORE, delivered, final, output, put, run

from engineshed.testing.databricks import DatabricksDouble, Faults, Machines, Pace


def test_logs_are_pushed_while_the_driver_runs_rolled_by_the_hour_and_whole_at_the_end() -> None:
    # A push every 0.3 s, an hour of 0.9 s.
    pace = Pace(log_push_s=0.3, log_roll_s=0.9, cluster_start_s=0, library_s=0, terminate_s=0.1)
    with DatabricksDouble(execute=True, time_scale=1, pace=pace, machines=Machines(session="none")) as double:
        workspace = open_workspace(double)
        script = """
            import sys, time
            for number in range(60):
                print(number, flush=True)
                time.sleep(0.05)
            print("end", file=sys.stderr)
        """
        file = put(workspace, f"{VOLUME}/long.py", script)
        spec = {**CLUSTER, "cluster_log_conf": {"volumes": {"destination": f"{VOLUME}/logs"}}}
        run_id = workspace.submit(task(spark_python_task={"python_file": file}, new_cluster=spec))
        early: dict[str, bytes] = {}
        until = time.monotonic() + ENDS_S
        while not early.get("stdout"):
            assert time.monotonic() < until
            running = workspace.run(run_id)
            if "cluster_instance" in running["tasks"][0]:
                early = delivered(workspace, running, f"{VOLUME}/logs")
        done = final(workspace, run_id)
        assert done["state"]["result_state"] == "SUCCESS"
        time.sleep(1)
        logs = delivered(workspace, done, f"{VOLUME}/logs")
        archives = sorted(name for name in logs if name.startswith("stdout--"))
        assert len(archives) >= 2
        assert all(name.endswith("-00") and len(name) == len("stdout--2026-03-11--18-00") for name in archives)
        whole = b"".join(logs[name] for name in [*archives, "stdout"])
        assert whole.split() == [str(n).encode() for n in range(60)]
        assert early["stdout"] in whole
        assert b"".join(logs[name] for name in sorted(logs) if name.startswith("stderr")) == b"end\n"


def test_logs_can_be_slow_and_go_to_dbfs_and_object_stores(drivers: Workspace) -> None:
    for kind, destination in (("dbfs", "dbfs:/logs"), ("s3", "s3://bucket/logs")):
        conf = {"destination": destination, **({"region": "us-east-1"} if kind == "s3" else {})}
        done = run(drivers, "print('here')", new_cluster={**CLUSTER, "cluster_log_conf": {kind: conf}})
        cluster_id = done["tasks"][0]["cluster_instance"]["cluster_id"]
        until = time.monotonic() + ENDS_S
        found = None
        while found is None:
            assert time.monotonic() < until
            path = drivers.double.local(f"/dbfs/logs/{cluster_id}/driver/stdout")
            at_s3 = STORE.objects.get(f"s3://bucket/logs/{cluster_id}/driver/stdout")
            found = at_s3 or (path.read_bytes() if path.exists() else None)
        assert found == b"here\n"
    drivers.double.plan(Faults(log_push_s=600))
    slow = {**CLUSTER, "cluster_log_conf": {"volumes": {"destination": f"{VOLUME}/slow"}}}
    done = run(drivers, "print('here')", new_cluster=slow)
    time.sleep(0.5)
    assert not delivered(drivers, done, f"{VOLUME}/slow")
    drivers.double.plan(Faults())


SPARK = f"""
    import json
    from pyspark.sql import SparkSession
    same = SparkSession.builder.appName("own").getOrCreate() is spark
    spark.range(10).write.mode("overwrite").parquet("{VOLUME}/table")
    rows = spark.read.parquet("{VOLUME}/table").count()
    conf = spark.conf.get("spark.team.setting", None)
    print(json.dumps([same, rows, conf, type(spark).__module__, "sc" in globals()]))
"""


@pytest.mark.needs_java
def test_a_classic_session_is_there_with_the_clusters_configuration() -> None:
    with DatabricksDouble(execute=True, time_scale=0.001) as double:
        workspace = open_workspace(double)
        spec = {
            **CLUSTER,
            "spark_conf": {"spark.team.setting": "set"},
            "cluster_log_conf": {"volumes": {"destination": f"{VOLUME}/logs"}},
        }
        done = run(workspace, SPARK, new_cluster=spec, patience_s=SPARK_S)
        assert done["state"]["result_state"] == "SUCCESS", output(workspace, done)
        line = next(line for line in output(workspace, done)["logs"].splitlines() if line.startswith("[true"))
        assert json.loads(line) == [True, 10, "set", "pyspark.sql.session", True]
        time.sleep(0.5)
        logs = delivered(workspace, done, f"{VOLUME}/logs")
        log4j = b"".join(
            gzip.decompress(data) if name.endswith(".gz") else data
            for name, data in sorted(logs.items())
            if "log4j" in name
        )
        assert b"INFO" in log4j
        assert list(workspace.client.files.list_directory_contents(f"{VOLUME}/table"))


def test_a_serverless_session_is_spark_connects() -> None:
    pytest.importorskip("pysail")
    with DatabricksDouble(execute=True, time_scale=0.001) as double:
        workspace = open_workspace(double)
        script = SPARK.replace('conf = spark.conf.get("spark.team.setting", None)', "conf = None")
        done = run(workspace, script, environment_key="e", environments=SERVERLESS, patience_s=SPARK_S)
        assert done["state"]["result_state"] == "SUCCESS", output(workspace, done)
        line = next(line for line in output(workspace, done)["logs"].splitlines() if line.startswith("[true"))
        assert json.loads(line) == [True, 10, None, "pyspark.sql.connect.session", False]
