"""The driver of mode `execute`: one process group per task."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from engineshed.testing.databricks.clusters import Cluster
from engineshed.testing.databricks.endings import SUCCESS, Ending, failed, raised
from engineshed.testing.databricks.executing.errands import Errands
from engineshed.testing.databricks.executing.preparing import (
    REPL,
    boot,
    entered,
    prepare,
    script_of,
    seen_at,
    working_folder,
)
from engineshed.testing.databricks.executing.surroundings import WORKING, House, cluster_env, machine_of, serverless_env
from engineshed.testing.databricks.logs import DriverLogs
from engineshed.testing.databricks.records import TaskRun
from engineshed.testing.databricks.secrets import SecretMissing

_CHUNK_BYTES = 1 << 16
_EOF_S = 5.0


@dataclass(slots=True)
class _Running:
    process: subprocess.Popen[bytes]
    pumps: list[threading.Thread]
    result: Path
    ended: Callable[[Ending], None]


class ExecutingDriver:
    """Starts processes, carries away what they write, and tells how they ended. Used by one thread alone."""

    stop_s = 5.0

    def __init__(self, house: House, logs: DriverLogs) -> None:
        self._house, self._logs = house, logs
        self._errands = Errands()
        self._running: dict[int, _Running] = {}

    def boot(self, cluster: Cluster, told: Callable[[Ending | None], None]) -> None:
        """Init scripts."""
        self._errands.do(lambda: boot(self._house, cluster), told)

    def prepare(self, task: TaskRun, told: Callable[[Ending | None], None]) -> None:
        """Libraries, and whether the script is there."""
        if not task.spec.get("spark_python_task") and not task.spec.get("python_wheel_task"):
            kind = next(name for name in task.spec if name.endswith("_task"))
            told(failed("FEATURE_DISABLED", f"The double runs Python files and wheels, no {kind}."))
            return
        self._errands.do(lambda: prepare(self._house, task), told)

    def start(self, task: TaskRun, ended: Callable[[Ending], None]) -> None:
        """Run it."""
        house, machine = self._house, machine_of(self._house.storage, task)
        try:
            env = serverless_env(house, task) if task.cluster is None else cluster_env(house, task.cluster)
        except SecretMissing as error:
            ended(failed("INVALID_RUN_CONFIGURATION", str(error)))
            return
        asked, cwd = self._asked(task)
        task_file = machine.root / f"task-{task.run_id}.json"
        task_file.write_text(json.dumps(asked))
        command = [
            *entered(house, machine, str(task.run_id), cwd),
            house.machines.python,
            str(REPL),
            str(task_file),
        ]
        process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        pumps = [self._pump(task, "stdout", process.stdout), self._pump(task, "stderr", process.stderr)]
        self._running[task.run_id] = _Running(process, pumps, Path(asked["result"]), ended)

    def _asked(self, task: TaskRun) -> tuple[dict[str, Any], str]:
        machine = machine_of(self._house.storage, task)
        asked: dict[str, Any] = {
            "result": str(machine.root / f"result-{task.run_id}.json"),
            "session": self._session(task),
            "path": [],
        }
        wheel = task.spec.get("python_wheel_task")
        if wheel:
            named = [f"--{name}={value}" for name, value in (wheel.get("named_parameters") or {}).items()]
            asked.update(package=wheel["package_name"], entry_point=wheel["entry_point"], name="python")
            return {**asked, "parameters": [*task.parameters, *named]}, WORKING
        file = seen_at(script_of(task))
        cwd = working_folder(file)
        path = [cwd] if file.startswith("/Workspace/") else []
        return {**asked, "file": file, "name": file, "parameters": list(task.parameters), "path": path}, cwd

    def _session(self, task: TaskRun) -> str:
        return self._house.machines.connect if task.cluster is None else self._house.machines.session

    def _pump(self, task: TaskRun, stream: str, source: IO[bytes] | None) -> threading.Thread:
        def carry() -> None:
            while source is not None and (data := os.read(source.fileno(), _CHUNK_BYTES)):
                self._logs.write(task, stream, data)

        thread = threading.Thread(target=carry, name=f"databricks-{stream}", daemon=True)
        thread.start()
        return thread

    def stop(self, task: TaskRun) -> None:
        """KeyboardInterrupt in the script's main thread."""
        running = self._running.get(task.run_id)
        if running is not None and running.process.poll() is None:
            running.process.send_signal(signal.SIGINT)

    def kill(self, task: TaskRun) -> None:
        """The whole process group."""
        running = self._running.pop(task.run_id, None)
        if running is not None:
            _end(running)

    def logs(self, task: TaskRun) -> bytes:
        """What it wrote."""
        return self._logs.of_task(task)

    def poll(self) -> None:
        """Tell of errands that are done and of processes that have ended."""
        self._errands.poll()
        for run_id, running in list(self._running.items()):
            if running.process.poll() is not None:
                del self._running[run_id]
                _end(running)
                running.ended(_ending(running))

    def close(self) -> None:
        """Nothing is left running."""
        for running in self._running.values():
            _end(running)
        self._running.clear()
        self._errands.close()


def _end(running: _Running) -> None:
    """What the script has started ends with it, and its last words are carried away."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.process.pid, signal.SIGKILL)
    running.process.wait()
    for pump in running.pumps:
        pump.join(_EOF_S)
    for source in (running.process.stdout, running.process.stderr):
        if source is not None:
            source.close()


def _ending(running: _Running) -> Ending:
    code = running.process.returncode
    if running.result.is_file():
        said = json.loads(running.result.read_text())
        return raised(said["error"], said["trace"]) if said["error"] else SUCCESS
    return raised(
        "Fatal error: The Python kernel is unresponsive.", f"The Python process exited with exit code {code}."
    )
