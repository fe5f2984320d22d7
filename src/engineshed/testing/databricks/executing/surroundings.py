"""What a driver is surrounded by:

paths, variables, Spark's configuration. Pure but for the writing of Spark's two files.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engineshed.testing.databricks.catalogue import RUNTIMES
from engineshed.testing.databricks.clusters import Cluster
from engineshed.testing.databricks.logs import destination
from engineshed.testing.databricks.machines import Machines
from engineshed.testing.databricks.records import TaskRun
from engineshed.testing.databricks.secrets import resolved
from engineshed.testing.databricks.storage import Storage

WORKING = "/databricks/driver"
DISK = "/local_disk0"
VARIABLES_SINCE = 5
"""The serverless environment version from which on tasks may have variables."""

_LOG4J = """\
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
appender.file.type = File
appender.file.name = file
appender.file.fileName = {path}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{yy/MM/dd HH:mm:ss}} %p %c{{1}}: %m%n
"""


@dataclass(frozen=True, slots=True)
class House:
    """What all drivers of the workspace share."""

    storage: Storage
    machines: Machines


@dataclass(frozen=True, slots=True)
class Machine:
    """The folders of one driver's machine: a cluster's, or a serverless task's own."""

    root: Path
    serverless: bool

    @property
    def libraries(self) -> Path:
        """Where its libraries are installed."""
        return self.root / "libraries"

    def at(self, storage: Storage) -> dict[str, str]:
        """Paths that its driver sees, and the folders behind them."""
        own = {name: str(self.root / name.strip("/")) for name in ("/databricks", DISK)}
        shared = ("Volumes", "Workspace") if self.serverless else ("Volumes", "Workspace", "dbfs")
        return {**own, **{f"/{name}": str(storage.root / name) for name in shared}}

    def made(self) -> Machine:
        """Itself, its folders made."""
        disk = self.root / DISK.strip("/")
        for folder in (self.root / WORKING.strip("/"), disk / "tmp", disk / "home", self.libraries):
            folder.mkdir(parents=True, exist_ok=True)
        return self


def machine_of(storage: Storage, task: TaskRun) -> Machine:
    """Where a task's driver runs."""
    if task.cluster is None:
        return Machine(storage.root / "serverless" / str(task.run_id), serverless=True)
    return machine_of_cluster(storage, task.cluster)


def machine_of_cluster(storage: Storage, cluster: Cluster) -> Machine:
    """The driver machine of a cluster."""
    return Machine(storage.root / "clusters" / cluster.cluster_id, serverless=False)


def _basic(house: House) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("JAVA_HOME", "PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {
        "LANG": "C.UTF-8",
        "HOME": f"{DISK}/home",
        "USER": "root",
        "PYTHONUNBUFFERED": "1",
        **kept,
        **house.machines.env,
    }


def cluster_env(house: House, cluster: Cluster) -> dict[str, str]:
    """Of classic compute. The cluster's `spark_env_vars` come last, their secrets resolved. Raises SecretMissing."""
    machine = machine_of_cluster(house.storage, cluster)
    release = next((r.release for r in RUNTIMES if r.key == cluster.spec.get("spark_version")), "")
    own = {
        "DATABRICKS_RUNTIME_VERSION": release,
        "DB_HOME": "/databricks",
        "DB_CLUSTER_ID": cluster.cluster_id,
        "DB_CLUSTER_NAME": cluster.name,
        "DB_IS_DRIVER": "TRUE",
        "DB_IS_JOB_CLUSTER": "TRUE" if cluster.source == "JOB" else "FALSE",
        "DB_INSTANCE_TYPE": str(
            cluster.machines.get("driver_node_type_id") or cluster.machines.get("node_type_id") or ""
        ),
        "DB_DRIVER_IP": "127.0.0.1",
        "DB_CONTAINER_IP": "127.0.0.1",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_CONF_DIR": str(machine.root / "conf"),
        "PYSPARK_PYTHON": house.machines.python,
        "PYSPARK_DRIVER_PYTHON": house.machines.python,
        "PYTHONPATH": str(machine.libraries),
    }
    return {**_basic(house), **own, **resolved(cluster.spec.get("spark_env_vars") or {}, house.machines.secrets)}


def serverless_env(house: House, task: TaskRun) -> dict[str, str]:
    """Of serverless compute: no variables of the task's own before environment version 5. Raises SecretMissing."""
    environment = environment_of(task)
    version = str(environment.get("environment_version") or environment.get("client") or "1")
    own = {
        "DATABRICKS_RUNTIME_VERSION": f"client.{version}.0",
        "IS_SERVERLESS": "TRUE",
        "SPARK_CONNECT_MODE_ENABLED": "1",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONPATH": str(machine_of(house.storage, task).libraries),
    }
    if house.machines.connect == "spark":
        own["SPARK_REMOTE"] = "local[2]"
    return {**_basic(house), **own, **resolved(_variables(house, task, version), house.machines.secrets)}


def environment_of(task: TaskRun) -> Mapping[str, Any]:
    """The serverless environment that a task names."""
    found = (
        e
        for e in task.run.settings.get("environments") or ()
        if e["environment_key"] == task.spec.get("environment_key")
    )
    return next((e.get("spec") or {} for e in found), {})


def _variables(house: House, task: TaskRun, version: str) -> Mapping[str, str]:
    key = task.spec.get("environment_variables_key")
    if not key or not version.isdigit() or int(version) < VARIABLES_SINCE:
        return {}
    named = {
        e["environment_variables_key"]: e.get("spec") or {}
        for e in task.run.settings.get("environment_variables") or ()
    }
    spec = named.get(key, {})
    variables: dict[str, str] = {}
    for file in spec.get("files") or ():
        lines = (line for line in house.storage.local(file).read_text().splitlines() if line.strip() and line[0] != "#")
        variables.update((name, value) for name, _, value in (line.partition("=") for line in lines))
    return {**variables, **(spec.get("variables") or {})}


def write_spark_conf(house: House, cluster: Cluster, jars: Sequence[str]) -> None:
    """`spark-defaults.conf` and `log4j2.properties` of a cluster's driver. Raises SecretMissing."""
    machine, logs = machine_of_cluster(house.storage, cluster), destination(cluster.spec)
    conf = {
        "spark.master": "local[2]",
        "spark.app.name": "Databricks Shell",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.port": "0",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": f"{DISK}/tmp",
        "spark.sql.warehouse.dir": f"{DISK}/warehouse",
        "spark.databricks.clusterUsageTags.clusterId": cluster.cluster_id,
        "spark.databricks.clusterUsageTags.clusterName": cluster.name,
        "spark.databricks.clusterUsageTags.sparkVersion": str(cluster.spec.get("spark_version")),
        "spark.databricks.clusterUsageTags.clusterLogDeliveryEnabled": str(bool(logs)).lower(),
        "spark.databricks.clusterUsageTags.clusterLogDestination": logs or "none",
        **({"spark.jars": ",".join(jars)} if jars else {}),
        **resolved(cluster.spec.get("spark_conf") or {}, house.machines.secrets),
    }
    folder = machine.root / "conf"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in conf.items()))
    (folder / "log4j2.properties").write_text(_LOG4J.format(path=machine.root / "log4j-active.log"))


def remove(machine: Machine) -> None:
    """Its disks are gone with it."""
    shutil.rmtree(machine.root, ignore_errors=True)
