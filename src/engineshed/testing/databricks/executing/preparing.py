"""What is done on a driver's machine before a script: init scripts, libraries, the script itself brought into reach."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from engineshed.testing.databricks.clusters import Cluster
from engineshed.testing.databricks.endings import INIT_SCRIPT_FAILED, Ending, cluster_ended, failed
from engineshed.testing.databricks.executing.surroundings import (
    DISK,
    WORKING,
    House,
    Machine,
    cluster_env,
    environment_of,
    machine_of,
    machine_of_cluster,
    write_spark_conf,
)
from engineshed.testing.databricks.executing.wheels import Installer, NotInstalled, wheels_of
from engineshed.testing.databricks.records import TaskRun
from engineshed.testing.databricks.refusals import Refusal
from engineshed.testing.databricks.secrets import SecretMissing
from engineshed.testing.namespaces import entering

REPL = Path(__file__).with_name("repl.py")
INIT_SCRIPT_S = 600


def entered(house: House, machine: Machine, name: str, cwd: str = WORKING) -> list[str]:
    """The command line that begins a command on that machine."""
    root = machine.root / f"root-{name}"
    root.mkdir(parents=True, exist_ok=True)
    return entering(root, machine.at(house.storage), {}, cwd)


def boot(house: House, cluster: Cluster) -> Ending | None:
    """Run a cluster's init scripts; how it ended where one failed."""
    machine = machine_of_cluster(house.storage, cluster).made()
    try:
        env = cluster_env(house, cluster)
        write_spark_conf(house, cluster, ())
    except SecretMissing as missing:
        return _ended(cluster, {"code": "SECRET_RESOLUTION_ERROR", "type": "CLIENT_ERROR"}, str(missing))
    for number, script in enumerate(cluster.spec.get("init_scripts") or ()):
        wrong = _init_script(house, machine, next(iter(script.values()))["destination"], f"init-{number}", env)
        if wrong:
            return _ended(cluster, INIT_SCRIPT_FAILED, wrong)
    return None


def _init_script(house: House, machine: Machine, destination: str, name: str, env: Mapping[str, str]) -> str:
    """Run one; what went wrong, empty for nothing."""
    try:
        command = [*entered(house, machine, name), "/bin/bash", reached(house, machine, destination)]
        done = subprocess.run(
            command, env=dict(env), capture_output=True, text=True, check=False, timeout=INIT_SCRIPT_S
        )
    except (OSError, Refusal) as error:
        return f"Cannot read init script {destination}: {error}"
    except subprocess.TimeoutExpired:
        return f"Script did not end within {INIT_SCRIPT_S} seconds"
    return f"Script exit status is non-zero ({done.returncode}): {done.stderr[-500:]}" if done.returncode else ""


def _ended(cluster: Cluster, reason: Mapping[str, Any], text: str) -> Ending:
    parameters = {"databricks_error_message": text, "instance_id": cluster.cluster_id}
    return cluster_ended(cluster.cluster_id, {**reason, "parameters": parameters})


def prepare(house: House, task: TaskRun) -> Ending | None:
    """Install a task's libraries and see that its script is there; how it ended where that failed."""
    machine = machine_of(house.storage, task).made()
    installer = Installer(machine.libraries, house.machines.wheelhouse)
    try:
        lines = wheels_of(task.spec.get("libraries") or ()) + list(environment_of(task).get("dependencies") or ())
        for line in lines:
            _install(house, machine, installer, line)
        if task.cluster is not None:
            jars = [str(x["jar"]) for x in task.spec.get("libraries") or () if "jar" in x]
            write_spark_conf(house, task.cluster, [reached(house, machine, jar) for jar in jars])
    except (NotInstalled, OSError, Refusal) as error:
        return failed("LIBRARY_INSTALLATION_ERROR", f"Library installation failed on the cluster. {error}")
    return None if task.spec.get("python_wheel_task") else _script_is_there(house, machine, script_of(task))


def _install(house: House, machine: Machine, installer: Installer, line: str) -> None:
    line = line.strip()
    if not line or line.startswith("#"):
        return
    if line.startswith(("-r ", "--requirement ")):
        requirements = _local(house, machine, reached(house, machine, line.split(None, 1)[1]))
        for inner in requirements.read_text().splitlines():
            _install(house, machine, installer, inner)
    elif line.endswith(".whl"):
        installer.wheel(_local(house, machine, reached(house, machine, line)))
    else:
        installer.requirement(line)


def _script_is_there(house: House, machine: Machine, file: str) -> Ending | None:
    try:
        path = _local(house, machine, reached(house, machine, file))
    except PermissionError as error:
        return failed("STORAGE_ACCESS_ERROR", str(error))
    except (OSError, Refusal) as error:
        return failed("RESOURCE_NOT_FOUND", f"Cannot read the python file {file}: {error}")
    if path in house.storage.notebooks:
        return failed("INVALID_RUN_CONFIGURATION", f"{file} is a notebook: import the file with format AUTO or RAW.")
    return None


def script_of(task: TaskRun) -> str:
    """The file of a Python task."""
    return str(task.spec["spark_python_task"]["python_file"])


def working_folder(seen: str) -> str:
    """Workspace files are run in their own folder, others in the driver's."""
    return str(PurePosixPath(seen).parent) if seen.startswith("/Workspace/") else WORKING


def reached(house: House, machine: Machine, path: str) -> str:
    """A path or URI of the platform as a path of its machines; objects are fetched. Raises OSError, Refusal."""
    if "://" in path:
        _local(house, machine, seen_at(path)).write_bytes(house.machines.objects.get(path))
    seen = seen_at(path)
    if not _local(house, machine, seen).is_file():
        raise FileNotFoundError(f"No such file or directory: '{seen}'")
    return seen


def seen_at(path: str) -> str:
    """Where machines see a path of the platform."""
    if "://" in path:
        return f"{DISK}/tmp/{path.rsplit('/', 1)[-1]}"
    if path.startswith("dbfs:"):
        plain = "/" + path.removeprefix("dbfs:").lstrip("/")
        return plain if plain.startswith("/Volumes/") else f"/dbfs{plain}"
    path = path.removeprefix("file:")
    return path if path.startswith(("/Volumes/", "/Workspace/", "/dbfs/")) else f"/Workspace{path}"


def _local(house: House, machine: Machine, seen: str) -> Path:
    return (machine.root / seen.strip("/")) if seen.startswith(DISK) else house.storage.local(seen)
