"""What is done on a driver's machine before a script: init scripts, libraries, the script itself brought into reach."""

from __future__ import annotations

import json
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

ENTER, REPL = (Path(__file__).with_name(name) for name in ("enter.py", "repl.py"))
INIT_SCRIPT_S = 600


def entering(house: House, machine: Machine, name: str, env: Mapping[str, str], cwd: str = WORKING) -> list[str]:
    """The command line that begins a command on that machine."""
    root = machine.root / f"root-{name}"
    root.mkdir(parents=True, exist_ok=True)
    asked = {"at": machine.at(house.storage), "root": str(root), "cwd": cwd, "env": dict(env)}
    return [house.machines.python, "-IS", str(ENTER), json.dumps(asked)]


def boot(house: House, cluster: Cluster) -> Ending | None:
    """Run a cluster's init scripts; how it ended where one failed."""
    machine = machine_of_cluster(house.storage, cluster).made()
    try:
        env = cluster_env(house, cluster)
        write_spark_conf(house, cluster, ())
    except SecretMissing as missing:
        return _ended(cluster, {"code": "SECRET_RESOLUTION_ERROR", "type": "CLIENT_ERROR"}, str(missing))
    for number, script in enumerate(cluster.spec.get("init_scripts") or ()):
        kind, where = next(iter(script.items()))
        path = _seen(where["destination"]) if kind != "s3" else _fetched(house, machine, where["destination"])
        command = [*entering(house, machine, f"init-{number}", env), "/bin/bash", path]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INIT_SCRIPT_S)
        if done.returncode != 0:
            text = f"Script exit status is non-zero ({done.returncode}): {done.stderr[-500:]}"
            return _ended(cluster, INIT_SCRIPT_FAILED, text)
    return None


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
            _install(house, installer, line)
        if task.cluster is not None:
            jars = [_seen(str(x["jar"])) for x in task.spec.get("libraries") or () if "jar" in x]
            write_spark_conf(house, task.cluster, jars)
        return None if task.spec.get("python_wheel_task") else _script_is_there(house, task)
    except (NotInstalled, OSError, Refusal) as error:
        return failed("LIBRARY_INSTALLATION_ERROR", f"Library installation failed on the cluster. {error}")


def _install(house: House, installer: Installer, line: str) -> None:
    line = line.strip()
    if not line or line.startswith("#"):
        return
    if line.startswith(("-r ", "--requirement ")):
        for inner in house.storage.local(_seen(line.split(None, 1)[1])).read_text().splitlines():
            _install(house, installer, inner)
    elif line.endswith(".whl"):
        installer.wheel(house.storage.local(_seen(line)))
    else:
        installer.requirement(line)


def _script_is_there(house: House, task: TaskRun) -> Ending | None:
    file = str((task.spec.get("spark_python_task") or {}).get("python_file", ""))
    if "://" not in file and not house.storage.local(_seen(file)).is_file():
        return failed(
            "RESOURCE_NOT_FOUND", f"Cannot read the python file {file}. Please check driver logs for more details."
        )
    return None


def script(house: House, task: TaskRun) -> tuple[str, str]:
    """The path of a task's file as its driver sees it, and the folder to run it in."""
    file = str(task.spec["spark_python_task"]["python_file"])
    if "://" in file:
        return _fetched(house, machine_of(house.storage, task), file), WORKING
    seen = _seen(file)
    # Workspace files are run in their own folder, others in the driver's.
    return seen, str(PurePosixPath(seen).parent) if seen.startswith("/Workspace/") else WORKING


def _fetched(house: House, machine: Machine, uri: str) -> str:
    local = f"{DISK}/tmp/{uri.rsplit('/', 1)[-1]}"
    (machine.root / local.strip("/")).write_bytes(house.machines.objects.get(uri))
    return local


def _seen(path: str) -> str:
    """A path of the platform as a path of its machines."""
    if path.startswith("dbfs:"):
        plain = "/" + path.removeprefix("dbfs:").lstrip("/")
        return plain if plain.startswith("/Volumes/") else f"/dbfs{plain}"
    path = path.removeprefix("file:")
    return path if path.startswith(("/Volumes/", "/Workspace/", "/dbfs/")) else f"/Workspace{path}"
