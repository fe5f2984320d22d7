"""The folders of a cluster, and what EMR puts there: Spark's configuration and the commands on the PATH.

<root>/<cluster id>/
  bin/  conf/  home/  site-packages/        site-packages: what bootstrap actions install by pip
  bootstrap-actions/<n>/                    where the nth runs
  steps/<step id>/                          where a step runs: fresh, its own
  yarn/<application id>/                    where a driver of cluster mode runs
  logs/{steps,containers,node}/...          as they are delivered, without .gz
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engineshed.processes.leftovers import MARK
from engineshed.testing.emr import environment
from engineshed.testing.emr.executing import configurations
from engineshed.testing.emr.machines import Machines
from engineshed.testing.emr.records import Cluster, Step

_COMMANDS = ("aws", "spark-submit", "sudo", "yarn")
_S3A = {
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    "spark.hadoop.fs.s3a.path.style.access": "true",
}


@dataclass(frozen=True, slots=True)
class Disk:
    """One cluster's disk."""

    cluster_id: str
    root: Path

    @property
    def bin(self) -> Path:
        """Commands."""
        return self.root / "bin"

    @property
    def conf(self) -> Path:
        """SPARK_CONF_DIR."""
        return self.root / "conf"

    @property
    def packages(self) -> Path:
        """PYTHONPATH."""
        return self.root / "site-packages"

    @property
    def logs(self) -> Path:
        """All that is delivered."""
        return self.root / "logs"

    def step(self, step_id: str) -> Path:
        """Working folder of a step."""
        return self.root / "steps" / step_id

    def step_logs(self, step_id: str) -> Path:
        """controller, stdout, stderr, syslog."""
        return self.logs / "steps" / step_id

    def action(self, number: int) -> Path:
        """Working folder of a bootstrap action."""
        return self.root / "bootstrap-actions" / str(number)

    def action_logs(self, instance_id: str, number: int) -> Path:
        """controller, stdout, stderr."""
        return self.logs / "node" / instance_id / "bootstrap-actions" / str(number)


def disk_of(root: Path, cluster: Cluster) -> Disk:
    """Where a cluster's is."""
    return Disk(cluster.id, root / cluster.id)


def format_disk(disk: Disk, cluster: Cluster, machines: Machines, endpoint_url: str) -> None:
    """Make the folders, write the configuration and the commands."""
    for folder in (disk.bin, disk.conf, disk.packages, disk.root / "home", disk.root / "yarn"):
        folder.mkdir(parents=True, exist_ok=True)
    python = str(disk.bin / "python3")
    for name in ("python3", "python", "python3.11"):
        _command(disk.bin / name, configurations.shim([machines.python]))
    for name in _COMMANDS:
        module = f"engineshed.testing.emr.commands.{name.replace('-', '_')}"
        _command(disk.bin / name, configurations.shim([sys.executable, "-m", module]))
    spark = configurations.of_cluster(cluster.request).with_python(python)
    defaults = {"spark.master": "yarn", **spark.defaults}
    if machines.jars:
        defaults = {**_S3A, "spark.hadoop.fs.s3a.endpoint": endpoint_url, **defaults}
    (disk.conf / "spark-env.sh").write_text(spark.spark_env())
    (disk.conf / "spark-defaults.conf").write_text(configurations.conf_text(defaults))
    (disk.root / "am-attempts").write_text(str(spark.am_attempts))


def _command(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def variables(disk: Disk, machines: Machines, access: Mapping[str, str]) -> dict[str, str]:
    """Of every process on the cluster's machines. access: how they reach AWS, in place of an instance profile."""
    machine = environment.of_machine()
    return {
        **machine,
        "HOME": str(disk.root / "home"),
        "LANG": "C.UTF-8",
        "LOGNAME": "hadoop",
        "PATH": f"{disk.bin}:{machine.get('PATH', '/usr/bin:/bin')}",
        # What a bootstrap action installs must not end up in the interpreter of whoever runs the tests.
        "PIP_TARGET": str(disk.packages),
        "PYTHONPATH": str(disk.packages),
        "SPARK_CONF_DIR": str(disk.conf),
        "SPARK_DIST_CLASSPATH": ":".join(str(jar) for jar in machines.jars),
        "SPARK_HOME": spark_home(),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "USER": "hadoop",
        "EMR_CLUSTER_ID": disk.cluster_id,
        "EMR_DOUBLE_DISK": str(disk.root),
        "EMR_DOUBLE_CORES": str(machines.cores),
        MARK: disk.cluster_id,
        **access,
        **machines.env,
    }


def step_variables(disk: Disk, step: Step) -> dict[str, str]:
    """What a step has besides."""
    return {"EMR_STEP_ID": step.id, "EMR_DOUBLE_STEP": str(disk.step(step.id))}


def spark_home() -> str:
    """Where pip has put Spark. Raises ExtraMissing."""
    found = importlib.util.find_spec("pyspark")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("mode `execute` runs Spark, and pyspark is not installed: install engineshed[local].")
    return next(iter(found.submodule_search_locations))


def wipe(disk: Disk) -> None:
    """The machines are gone, and what was on them; logs stay until they are delivered."""
    for part in ("bin", "conf", "home", "site-packages", "bootstrap-actions", "steps", "yarn"):
        shutil.rmtree(disk.root / part, ignore_errors=True)
