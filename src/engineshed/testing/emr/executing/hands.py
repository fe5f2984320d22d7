"""The machines of all clusters, at work on this one: bootstrap actions and steps are processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from engineshed.processes import leftovers
from engineshed.testing.emr.executing import disk as disks
from engineshed.testing.emr.executing import trees
from engineshed.testing.emr.executing.disk import Disk
from engineshed.testing.emr.executing.endings import step_end
from engineshed.testing.emr.executing.spawning import spawn
from engineshed.testing.emr.hands import BootstrapFailure, StepEnd
from engineshed.testing.emr.machines import Machines
from engineshed.testing.emr.records import Cluster, Step

_RUNNERS = ("command-runner.jar", "script-runner.jar")
Post = Callable[[Callable[[], None]], None]


@dataclass(slots=True)
class _Running:
    """A step at work. stop: the signal that came before there was a process."""

    process: subprocess.Popen[bytes] | None = None
    stop: signal.Signals | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class ExecutingHands:
    """See `engineshed.testing.emr.hands.Hands`. post: has a deed done in the double's own time.

    access: variables by which processes reach AWS. fetch: an object's bytes by its address, None when it is not
    there. `on_bootstrap` and `on_released` hear of clusters whose machines come to life, and of those where nothing
    runs any more.
    """

    def __init__(
        self,
        root: Path,
        machines: Machines,
        post: Post,
        access: Mapping[str, str],
        fetch: Callable[[str], bytes | None],
    ) -> None:
        self._root, self._machines, self._post = root, machines, post
        self._access, self._fetch = access, fetch
        self.on_bootstrap: Callable[[Cluster], None] = lambda cluster: None
        self.on_released: Callable[[Cluster], None] = lambda cluster: None
        self._running: dict[str, _Running] = {}
        self._clusters: set[str] = set()
        self._threads: list[threading.Thread] = []
        self.bugs: list[Exception] = []

    def bootstrap(self, cluster: Cluster, done: Callable[[BootstrapFailure | None], None]) -> None:
        """In order, each once: all machines of a cluster are this one."""
        self._clusters.add(cluster.id)
        self.on_bootstrap(cluster)

        def work() -> None:
            failure = self._bootstrap(cluster)
            self._post(lambda: done(failure))

        self._begin(work, f"emr-bootstrap-{cluster.id}")

    def _bootstrap(self, cluster: Cluster) -> BootstrapFailure | None:
        disk = self._disk(cluster)
        disks.format_disk(disk, cluster, self._machines, self._access["AWS_ENDPOINT_URL"])
        variables = self._variables(disk)
        (disk.root / "node-env.json").write_text(json.dumps(variables))
        (disk.root / "started").write_text(str(int(cluster.created_at.timestamp() * 1000)))
        for number, action in enumerate(cluster.request.get("BootstrapActions") or (), start=1):
            asked = action["ScriptBootstrapAction"]
            script = self._script(asked["Path"], disk, disks.action_folder(number))
            if not script:
                return BootstrapFailure(number=number, found=False)
            code = self._action(cluster, number, [script, *(asked.get("Args") or ())], variables)
            if code != 0:
                return BootstrapFailure(number=number, exit_code=code)
        return None

    def _script(self, address: str, disk: Disk, folder: str) -> str:
        """The path of a script that is fetched into a folder of EMR's, empty when there is none."""
        disk.real(folder).mkdir(parents=True)
        body = self._fetch(address)
        if body is None:
            return ""
        path = f"{folder}/{address.rpartition('/')[2]}"
        disk.real(path).write_bytes(body)
        disk.real(path).chmod(0o755)
        return disk.seen(path)

    def _action(self, cluster: Cluster, number: int, argv: Sequence[str], variables: Mapping[str, str]) -> int:
        disk, master = self._disk(cluster), cluster.master
        logs = disk.action_logs(master.ec2_id if master else "unknown", number)
        logs.mkdir(parents=True)
        with (logs / "stdout").open("wb") as stdout, (logs / "stderr").open("wb") as stderr:
            # A script without a first line that names its interpreter is bash's, as on EMR.
            command = ["/bin/bash", "-c", 'exec "$0" "$@"', *argv]
            process = spawn(disk, command, disk.seen(disks.action_folder(number)), variables, (stdout, stderr))
            code = process.wait()
        (logs / "controller").write_text(f"INFO bootstrap action {number} exited with {code}\n")
        return code

    def start(self, step: Step, done: Callable[[StepEnd], None]) -> None:
        """In a folder of its own."""
        running = self._running[step.id] = _Running()

        def work() -> None:
            end = self._run(step, running)

            def tell() -> None:
                self._running.pop(step.id, None)
                step.applications = self._applications(step)
                done(end)

            self._post(tell)

        self._begin(work, f"emr-step-{step.id}")

    def _run(self, step: Step, running: _Running) -> StepEnd:
        disk = self._disk(step.cluster)
        folder, logs = disks.step_folder(step.id), disk.step_logs(step.id)
        disk.real(folder).mkdir(parents=True)
        logs.mkdir(parents=True)
        (logs / "syslog").touch()
        argv = self._argv(step, disk, f"{folder}/script")
        if isinstance(argv, StepEnd):
            (logs / "controller").write_text(f"ERROR {argv.message}\n")
            return argv
        with (
            (logs / "stdout").open("wb") as stdout,
            (logs / "stderr").open("wb") as stderr,
            (logs / "controller").open("w", buffering=1) as controller,
        ):
            controller.write(f"INFO startExec 'hadoop jar {step.config['HadoopJarStep']['Jar']} {' '.join(argv)}'\n")
            code = self._process(step, running, argv, (stdout, stderr))
            controller.write(f"INFO waitProcessCompletion ended with exit code {code}\n")
        return step_end(code, logs, step)

    def _process(self, step: Step, running: _Running, argv: Sequence[str], streams: tuple[IO[bytes], IO[bytes]]) -> int:
        disk = self._disk(step.cluster)
        variables = self._variables(disk) | disks.step_variables(disk, step)
        with running.lock:
            if running.stop is not None:
                return -running.stop
            try:
                process = spawn(disk, argv, disk.seen(disks.step_folder(step.id)), variables, streams)
            except OSError as error:
                streams[1].write(f'Exception in thread "main" java.lang.RuntimeException: {error}\n'.encode())
                return 1
            running.process = process
        return process.wait()

    def _argv(self, step: Step, disk: Disk, folder: str) -> list[str] | StepEnd:
        jar = step.config["HadoopJarStep"]["Jar"].rpartition("/")[2]
        if jar not in _RUNNERS:
            return StepEnd(exit_code=1, message=f"{jar}: the double runs {' and '.join(_RUNNERS)} only")
        if not step.args:
            return StepEnd(exit_code=1, message=f"{jar} needs arguments")
        if jar == "command-runner.jar":
            return list(step.args)
        script = self._script(step.args[0], disk, folder)
        if not script:
            return StepEnd(exit_code=1, message=f"{step.args[0]} is not there")
        return ["/bin/bash", "-c", 'exec "$0" "$@"', script, *step.args[1:]]

    def interrupt(self, step: Step) -> None:
        """SIGTERM to the step's own process, and to no other ("Cancel steps", EMR Management Guide)."""
        self._signal(step, signal.SIGTERM)

    def kill(self, step: Step) -> None:
        """SIGKILL to it and all its descendants; what it has let go of lives on, a driver of cluster mode for one."""
        self._signal(step, signal.SIGKILL)

    def _signal(self, step: Step, number: signal.Signals) -> None:
        running = self._running.get(step.id)
        if running is None:
            return
        with running.lock:
            running.stop = number
            if running.process is None or running.process.poll() is not None:
                return
            if number is signal.SIGKILL:
                trees.kill(running.process.pid)
            else:
                trees.send(running.process.pid, number)

    def release(self, cluster: Cluster) -> None:
        """Nothing of it is left running."""
        if cluster.id not in self._clusters:
            return

        def work() -> None:
            leftovers.end_all(cluster.id)
            disks.wipe(self._disk(cluster))
            self._post(lambda: self.on_released(cluster))

        self._begin(work, f"emr-release-{cluster.id}")

    def close(self) -> None:
        """Of no cluster anything is left."""
        for cluster_id in self._clusters:
            leftovers.end_all(cluster_id)
        for thread in self._threads:
            thread.join()

    def _applications(self, step: Step) -> list[str]:
        known = self._disk(step.cluster).real(disks.step_folder(step.id)) / ".applications"
        return known.read_text().split() if known.is_file() else []

    def _disk(self, cluster: Cluster) -> Disk:
        return disks.disk_of(self._root, cluster, self._machines)

    def _variables(self, disk: Disk) -> dict[str, str]:
        return {**disks.variables(disk, self._machines, self._access), "EMR_DOUBLE_PID": str(os.getpid())}

    def _reported(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as bug:  # noqa: BLE001 - a thread's bug must reach the test, not its stderr
            self.bugs.append(bug)

    def _begin(self, work: Callable[[], None], name: str) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=self._reported, args=(work,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
