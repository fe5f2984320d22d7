"""A code location in a folder of its own, with the Dagster instance that its runs are recorded in, and its workers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import dagster as dg

from engineshed.model.commit import Commit
from engineshed.model.job import Mode
from engineshed.running.system_clock import SystemClock
from engineshed.storage.datasets import Datasets
from engineshed.storage.ledger import open_ledger
from engineshed.storage.objects import open_store

HERE = Path(__file__).parent
ORDER_TAG = "test/order"
PATIENCE_S = 240.0
"""Starting Spark alone takes a minute on a machine that thirty processes share."""
DRIVER_LINES = [f"line {n}" for n in range(1, 11)]

T = TypeVar("T")


def wait_for(look: Callable[[], T], what: str, patience_s: float = PATIENCE_S) -> T:
    """The first thing found that is no nothing."""
    until = time.monotonic() + patience_s
    while not (found := look()):
        assert time.monotonic() < until, f"{what}: not within {patience_s:g} s"
        time.sleep(0.02)
    return found


def state_of(pid: int) -> str:
    """The kernel's letter for a process's state: T stands still, Z is a zombie; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    return state_of(pid) not in ("", "Z")


class Workers:
    """The process that workers are forked from."""

    def __init__(self) -> None:
        self._forker = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, order: Mapping[str, Any]) -> int:
        """The process id of a new worker."""
        assert self._forker.stdin is not None
        assert self._forker.stdout is not None
        self._forker.stdin.write(json.dumps(order) + "\n")
        self._forker.stdin.flush()
        return int(self._forker.stdout.readline())

    def stop(self) -> None:
        """End the process; workers are ended by their tests."""
        assert self._forker.stdin is not None
        assert self._forker.stdout is not None
        self._forker.stdin.close()
        self._forker.stdout.close()
        self._forker.wait(timeout=30)


def lay_out(folder: Path) -> Path:
    """The files of a code location, its databases made: each test takes a copy."""
    for name in ("definitions.py", "mortality.py"):
        shutil.copy(HERE / name, folder / name)
    shutil.copytree(HERE / "payloads", folder / "payloads", ignore=shutil.ignore_patterns("__pycache__"))
    for home in ("dagster", "home"):
        (folder / home).mkdir()
    configure(folder)
    (folder / "location.yaml").write_text(
        "team: tests\ncode_location: tests\nhome: home\nobjective: {prefer: [sail]}\n"
    )
    with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
        instance.get_runs(limit=1)
        instance.all_asset_keys()
    open_ledger(f"sqlite:///{folder / 'home' / 'ledger.db'}")
    return folder


def configure(folder: Path, **settings: Any) -> None:
    """Write dagster.yaml; workers started later read it."""
    events = {"module": "dagster._core.storage.event_log", "class": "ConsolidatedSqliteEventLogStorage"}
    plain = {
        "telemetry": {"enabled": False},
        "event_log_storage": {**events, "config": {"base_dir": str(folder / "dagster" / "events")}},
        **settings,
    }
    (folder / "dagster" / "dagster.yaml").write_text(json.dumps(plain))


class Project:
    """One code location. Runs are made by worker processes, and looked at through the instance.

    environment: variables of every worker that is started from now on.
    """

    def __init__(self, folder: Path, workers: Workers) -> None:
        self.folder, self._workers = folder, workers
        self._started: list[int] = []
        self.environment: dict[str, str] = {}
        self.instance = dg.DagsterInstance.from_config(str(folder / "dagster"))
        self.datasets = Datasets(open_store(str(folder / "home" / "data"), {}), SystemClock())
        self.ledger = open_ledger(f"sqlite:///{folder / 'home' / 'ledger.db'}")

    def open_gate(self) -> None:
        """Let drivers go on past their fifth line."""
        (self.folder / "go").touch()

    def launch(
        self,
        *assets: str,
        partition: str | None = None,
        tags: Mapping[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
        **env: str,
    ) -> Worker:
        """A worker that makes a new run. config: of each asset's op."""
        return self._start(
            {
                "do": "launch",
                "assets": assets,
                "config": {"ops": {asset: {"config": config} for asset in assets}} if config else {},
                "tags": {**(tags or {}), **({"dagster/partition": partition} if partition else {})},
            },
            env,
        )

    def run(self, *assets: str, **order: Any) -> dg.DagsterRun:
        """A run made with the gate open, ended."""
        self.open_gate()
        return self.launch(*assets, **order).ended()

    def reexecute(
        self, run: dg.DagsterRun, *, from_failure: bool = True, tags: Mapping[str, str] | None = None
    ) -> Worker:
        """A worker that makes a child of the run, with its tags, as Dagster's pages do."""
        inherited = {
            name: value for name, value in run.tags.items() if name.startswith(("dagster/partition", "engineshed/"))
        }
        order = {
            "do": "reexecute",
            "run_id": run.run_id,
            "from_failure": from_failure,
            "tags": {**inherited, **(tags or {})},
        }
        return self._start(order, {})

    def retry(self, run: dg.DagsterRun) -> Worker:
        """What run monitoring and run retries do for a run whose worker is dead."""
        self.instance.report_run_failed(run, "Detected run worker status FAILED.")
        self.instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
        return self.reexecute(run, tags={"dagster/retry_number": "1"})

    def resume(self, run: dg.DagsterRun) -> Worker:
        """One more worker for the same run."""
        return self._start({"do": "resume", "run_id": run.run_id, "tags": {}}, {}, run)

    def _start(self, order: dict[str, Any], env: Mapping[str, str], run: dg.DagsterRun | None = None) -> Worker:
        mark = uuid4().hex
        order["tags"][ORDER_TAG] = mark
        log = str(self.folder / f"worker-{len(self._started) + 1}.log")
        pid = self._workers.start({**order, "folder": str(self.folder), "env": {**self.environment, **env}, "log": log})
        self._started.append(pid)
        return Worker(self, pid, mark, log, run)

    def materialisations(self, asset: str) -> list[dg.AssetMaterialization]:
        """All, over all runs."""
        records = self.instance.fetch_materializations(dg.AssetKey(asset), limit=100).records
        return [r.asset_materialization for r in records if r.asset_materialization]

    def checks(self, *runs: dg.DagsterRun) -> list[Any]:
        """All check evaluations in the runs."""
        return [
            entry.dagster_event.event_specific_data
            for run in runs
            for entry in self.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
            if entry.dagster_event
        ]

    def messages(self, *runs: dg.DagsterRun) -> list[str]:
        """Everything said in the runs' event logs."""
        return [entry.user_message for run in runs for entry in self.instance.all_logs(run.run_id)]

    def said(self, *runs: dg.DagsterRun) -> str:
        """The messages of the runs and the errors behind them, as one text."""
        entries = [entry for run in runs for entry in self.instance.all_logs(run.run_id)]
        errors = [
            str(e.dagster_event.event_specific_data) for e in entries if e.dagster_event and e.dagster_event.is_failure
        ]
        return "\n".join([*(entry.user_message for entry in entries), *errors])

    @property
    def marks(self) -> list[dict[str, Any]]:
        """What each driver left when it began."""
        path = self.folder / "marks"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def commits(self, asset: str, partition: str | None = None, mode: Mode = Mode.SAMPLE) -> Sequence[Commit]:
        """All, oldest first."""
        return self.datasets.history(asset, partition, mode)

    def close(self) -> None:
        """End what is left of workers."""
        for pid in self._started:
            if alive(pid):
                os.killpg(pid, signal.SIGKILL)
        self.instance.dispose()


class Worker:
    """One run worker process."""

    def __init__(self, project: Project, pid: int, mark: str, log: str, run: dg.DagsterRun | None) -> None:
        self._project, self.pid, self._mark, self._log, self._run_id = (
            project,
            pid,
            mark,
            log,
            run.run_id if run else "",
        )

    @property
    def run(self) -> dg.DagsterRun:
        """The run that it made or resumed, as it is now."""
        if not self._run_id:
            filters = dg.RunsFilter(tags={ORDER_TAG: self._mark})
            made = wait_for(lambda: self._project.instance.get_runs(filters) or not alive(self.pid), "the worker's run")
            assert not isinstance(made, bool), f"the worker died: {self.log}"
            self._run_id = made[0].run_id
        run = self._project.instance.get_run_by_id(self._run_id)
        assert run is not None
        return run

    @property
    def log(self) -> str:
        """What the process wrote."""
        return Path(self._log).read_text(encoding="utf-8")

    def is_past(self, message: str) -> None:
        """Wait until the run's log holds the message."""
        wait_for(lambda: message in self._project.messages(self.run), f"{message!r} in the run's log")

    def signal(self, number: signal.Signals) -> None:
        """As a platform ends a worker."""
        os.kill(self.pid, number)

    def gone(self) -> None:
        """Wait until the process is no more."""
        wait_for(lambda: not alive(self.pid), f"the end of worker {self.pid}")

    def ended(self) -> dg.DagsterRun:
        """The run after the worker's end."""
        self.gone()
        return self.run
