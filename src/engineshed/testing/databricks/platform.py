"""The whole workspace behind the HTTP surface: its time, clusters, runs, jobs, files, and what was asked of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engineshed.ports.clock import Clock
from engineshed.testing.agenda import Agenda
from engineshed.testing.databricks.admission import TOO_MANY, full, obstacle, queues
from engineshed.testing.databricks.clusters import Fleet
from engineshed.testing.databricks.faults import Faults, Mischief
from engineshed.testing.databricks.fetching import NoObjects, Objects
from engineshed.testing.databricks.jobs_book import JobsBook
from engineshed.testing.databricks.limits import Limits
from engineshed.testing.databricks.logs import DriverLogs
from engineshed.testing.databricks.pace import Pace
from engineshed.testing.databricks.records import Driver, JobRun
from engineshed.testing.databricks.runs import Runs
from engineshed.testing.databricks.storage import Storage
from engineshed.testing.databricks.tasks import Tasks
from engineshed.testing.databricks.tokens import Tokens

USER = "double@example.com"


@dataclass(slots=True)
class Platform:
    """One workspace. principals: secrets of service principals by client id."""

    clock: Clock
    root: Path
    pace: Pace
    make_driver: Callable[[Platform], Driver]
    tokens: Tokens
    principals: dict[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    objects: Objects = field(default_factory=NoObjects)
    faults: Faults = field(default_factory=Faults)
    url: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)
    pools: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    agenda: Agenda = field(init=False)
    driver: Driver = field(init=False)
    logs: DriverLogs = field(init=False)
    fleet: Fleet = field(init=False)
    runs: Runs = field(init=False)
    book: JobsBook = field(init=False)
    storage: Storage = field(init=False)
    mischief: Mischief = field(init=False)

    def __post_init__(self) -> None:
        self.agenda = Agenda(self.clock)
        self.storage = Storage(self.root)
        self.fleet = Fleet(self.agenda, self.pace, self.pools)
        self.mischief = Mischief(self.faults)
        self.logs = DriverLogs(
            self.agenda, self.pace, self.storage, self.objects, lambda: self.mischief.plan.log_push_s
        )
        self.driver = self.make_driver(self)
        self.fleet.boot = self.driver.boot
        self.fleet.on_running = self.logs.begin
        self.fleet.on_terminated = self.logs.finish
        tasks = Tasks(self.agenda, self.fleet, self.pace, self.driver)
        self.runs = Runs(self.agenda, tasks, lambda: self.mischief)
        self.runs.on_run_over = self._next
        self.book = JobsBook()

    def admit(self, run: JobRun) -> None:
        """Take in a new run: it starts, queues or is skipped. Raises Refusal when the workspace is full."""
        why = obstacle(run, self.runs.runs.values(), self.limits)
        if why == "ACTIVE_RUNS_LIMIT_REACHED" and not queues(run):
            raise full()
        self.runs.make(run)
        if not why:
            self.runs.go(run)
        elif queues(run):
            run.queued = why
        else:
            run.skipped, run.ended_at = TOO_MANY, self.agenda.now

    def _next(self, gone: JobRun) -> None:
        """Start what has waited longest, as far as there is room now."""
        for run in [run for run in self.runs.runs.values() if run.queued]:
            if not obstacle(run, self.runs.runs.values(), self.limits):
                self.runs.go(run)

    def advance(self) -> None:
        """Let everything happen that is due."""
        with self.lock:
            self.agenda.keep()
            self.driver.poll()
            self.agenda.keep()
