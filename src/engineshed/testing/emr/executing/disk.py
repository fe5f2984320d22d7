"""The folders of a cluster, and what EMR puts there: Spark's configuration and the commands on the PATH.

    <root>/<cluster id>/
      bin/  conf/  site-packages/         site-packages: what bootstrap actions install by pip
      machine/{mnt,home,opt,usr-local}    what its processes have at these paths of their own
      logs/{steps,containers,node}/...    as they are delivered, without .gz

Paths of steps, containers and bootstrap actions are EMR's own: a step runs in /mnt/var/lib/hadoop/steps/<step id>, a
driver of cluster mode below /mnt/yarn. Without isolation (Machines) they are where the folders really are.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engineshed.model.errors import ExtraMissing
from engineshed.processes.leftovers import MARK
from engineshed.testing.emr import environment
from engineshed.testing.emr.executing import configurations
from engineshed.testing.emr.machines import Machines
from engineshed.testing.emr.records import Cluster, Step

_COMMANDS = ("aws", "spark-submit", "sudo", "yarn")
_PYTHONS = ("python", "python3", *(f"python3.{minor}" for minor in range(9, 15)))
_S3A = {
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    "spark.hadoop.fs.s3a.path.style.access": "true",
}


@dataclass(frozen=True, slots=True)
class Disk:
    """One cluster's disk. isolated: whether its processes see /mnt and so on of their own."""

    cluster_id: str
    root: Path
    isolated: bool

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

    def own(self) -> dict[str, str]:
        """Paths at which its processes have folders of their own alone."""
        machine = self.root / "machine"
        return {"/mnt": str(machine / "mnt"), "/home/hadoop": str(machine / "home")}

    def mixed(self) -> dict[str, str]:
        """Paths at which they have what this machine has, and what they add."""
        paths = ("/opt", "/usr/local", "/usr/local/bin", "/usr/local/lib", "/usr/local/share")
        return {path: str(self.root / "machine" / path[1:].replace("/", "-")) for path in paths}

    def seen(self, path: str) -> str:
        """What its processes call a path of EMR's."""
        return path if self.isolated else str(self.real(path))

    def real(self, path: str) -> Path:
        """Where a path of EMR's really is."""
        for at, folder in self.own().items():
            if f"{path}/".startswith(f"{at}/"):
                return Path(folder + path[len(at) :])
        return Path(path)

    def new_root(self) -> str:
        """An empty folder for the root of one more process; empty text without isolation."""
        return tempfile.mkdtemp(dir=self.root / "roots") if self.isolated else ""

    def step_logs(self, step_id: str) -> Path:
        """controller, stdout, stderr, syslog."""
        return self.logs / "steps" / step_id

    def action_logs(self, instance_id: str, number: int) -> Path:
        """controller, stdout, stderr."""
        return self.logs / "node" / instance_id / "bootstrap-actions" / str(number)


HOME = "/home/hadoop"
YARN = "/mnt/yarn"


def step_folder(step_id: str) -> str:
    """Where a step runs, in EMR's words."""
    return f"/mnt/var/lib/hadoop/steps/{step_id}"


def action_folder(number: int) -> str:
    """Where a bootstrap action runs, in EMR's words."""
    return f"/mnt/var/lib/bootstrap-actions/{number}"


def disk_of(root: Path, cluster: Cluster, machines: Machines) -> Disk:
    """Where a cluster's is."""
    return Disk(cluster.id, root / cluster.id, machines.isolated)


def format_disk(disk: Disk, cluster: Cluster, machines: Machines, endpoint_url: str) -> None:
    """Make the folders, write the configuration and the commands."""
    machine = [Path(folder) for folder in (*disk.own().values(), *disk.mixed().values())]
    made = [disk.bin, disk.conf, disk.packages, disk.root / "roots", disk.real("/mnt/tmp"), disk.real(YARN), *machine]
    for folder in made:
        folder.mkdir(parents=True, exist_ok=True)
    python = str(disk.bin / "python3")
    for name in _PYTHONS:
        _command(disk.bin / name, configurations.shim([machines.python]))
    for name in _COMMANDS:
        module = f"engineshed.testing.emr.commands.{name.replace('-', '_')}"
        before = configurations.LOAD_SPARK_ENV if name == "spark-submit" else ""
        # Isolated: the packages of the cluster are for its scripts, not for our commands.
        _command(disk.bin / name, configurations.shim([sys.executable, "-I", "-m", module], before))
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
        "HOME": disk.seen(HOME),
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
        "EMR_DOUBLE_YARN": disk.seen(YARN),
        "EMR_DOUBLE_CORES": str(machines.cores),
        MARK: disk.cluster_id,
        **access,
        **machines.env,
    }


def step_variables(disk: Disk, step: Step) -> dict[str, str]:
    """What a step has besides."""
    return {"EMR_STEP_ID": step.id, "EMR_DOUBLE_STEP": disk.seen(step_folder(step.id))}


def spark_home() -> str:
    """Where pip has put Spark. Raises ExtraMissing."""
    found = importlib.util.find_spec("pyspark")
    if found is None or not found.submodule_search_locations:
        raise ExtraMissing("mode `execute` of the EMR double runs Spark: install engineshed[local].")
    return next(iter(found.submodule_search_locations))


def wipe(disk: Disk) -> None:
    """The machines are gone, and what was on them; logs stay until they are delivered."""
    for part in ("bin", "conf", "machine", "roots", "site-packages"):
        shutil.rmtree(disk.root / part, ignore_errors=True)
