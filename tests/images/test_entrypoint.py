"""The entrypoint of the Spark image: Spark's environment becomes the executor's command, other words are a command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .conftest import ROOT

ENTRYPOINT = ROOT / "images/spark/entrypoint.py"
# What Spark 4.2 sets in an executor's container.
SPARK = {
    "SPARK_DRIVER_URL": "spark://CoarseGrainedScheduler@10.0.0.7:7078",
    "SPARK_EXECUTOR_ID": "3",
    "SPARK_EXECUTOR_CORES": "2",
    "SPARK_EXECUTOR_MEMORY": "600m",
    "SPARK_APPLICATION_ID": "spark-abc",
    "SPARK_RESOURCE_PROFILE_ID": "0",
    "SPARK_EXECUTOR_POD_IP": "10.0.0.9",
    "SPARK_EXECUTOR_POD_NAME": "edges-exec-3",
    "SPARK_CONF_DIR": "/opt/spark/conf",
    "SPARK_HOME": "/opt/there/pyspark",
    **{f"SPARK_JAVA_OPT_{number}": f"-Dnumber={number}" for number in range(12)},
}


@pytest.fixture
def java(tmp_path):
    """A `java` that tells its arguments, one a line, so that what would run is seen."""
    program = tmp_path / "java"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    return tmp_path


def start(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ENTRYPOINT, *words], env=env or {}, capture_output=True, text=True, check=False, timeout=30
    )


def test_an_executor_starts_as_spark_says(java):
    ended = start("executor", env={**SPARK, "PATH": f"{java}:/usr/bin:/bin"})
    words = ended.stdout.splitlines()
    assert ended.returncode == 0
    assert words[:12] == [f"-Dnumber={number}" for number in range(12)]  # 2 before 10: by number, not by spelling
    assert words[12:16] == ["-Xms600m", "-Xmx600m", "-cp", "/opt/spark/conf:/opt/there/pyspark/jars/*"]
    assert words[16] == "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"
    assert dict(zip(words[17::2], words[18::2], strict=True)) == {
        "--driver-url": "spark://CoarseGrainedScheduler@10.0.0.7:7078",
        "--executor-id": "3",
        "--cores": "2",
        "--app-id": "spark-abc",
        "--hostname": "10.0.0.9",
        "--resourceProfileId": "0",
        "--podName": "edges-exec-3",
    }


def test_extra_classpath_comes_first(java):
    ended = start("executor", env={**SPARK, "SPARK_CLASSPATH": "/mine.jar", "PATH": f"{java}:/usr/bin:/bin"})
    assert "/mine.jar:/opt/spark/conf:/opt/there/pyspark/jars/*" in ended.stdout.splitlines()


def test_an_executor_that_spark_did_not_start_says_what_is_missing():
    ended = start("executor", env={name: value for name, value in SPARK.items() if name != "SPARK_DRIVER_URL"})
    assert ended.returncode == 64
    assert "SPARK_DRIVER_URL" in ended.stderr


def test_other_words_are_a_command_that_takes_the_process():
    ended = start(sys.executable, "-c", "import os, sys; print(os.getppid()); sys.exit(7)")
    assert ended.returncode == 7


def test_a_command_that_is_not_there_is_named():
    ended = start("no-such-program")
    assert (ended.returncode, "no-such-program" in ended.stderr) == (127, True)


def test_without_words_it_says_what_to_say():
    ended = start()
    assert ended.returncode == 64
    assert "engineshed_relay" in ended.stderr


def test_a_driver_of_cluster_mode_is_handed_to_spark_submit(tmp_path):
    home = tmp_path / "spark"
    (home / "bin").mkdir(parents=True)
    submit = home / "bin" / "spark-submit"
    submit.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    submit.chmod(0o755)
    env = {"SPARK_HOME": str(home), "SPARK_DRIVER_BIND_ADDRESS": "10.0.0.7", "PATH": "/usr/bin:/bin"}
    ended = start("driver", "--properties-file", "/p", "--class", "C", "local:///relay.py", env=env)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split("\n")[:-1] == [
        "--conf", "spark.driver.bindAddress=10.0.0.7",
        "--conf", "spark.executorEnv.SPARK_DRIVER_POD_IP=10.0.0.7",
        "--deploy-mode", "client",
        "--properties-file", "/p", "--class", "C", "local:///relay.py",
    ]  # fmt: skip


def test_a_driver_that_was_told_too_little_names_what_is_missing():
    ended = start("driver", env={"PATH": "/usr/bin:/bin", "SPARK_HOME": "/s"})
    assert ended.returncode == 64
    assert "SPARK_DRIVER_BIND_ADDRESS not set" in ended.stderr
