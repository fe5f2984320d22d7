"""A platform that lives in virtual time: it takes submits, runs scripts that are lists of deeds, and forgets nothing.

The platform outlives the engines that talk to it, as a cloud outlives a worker. Faults are asked for by name; a submit
whose reply is lost has happened all the same. Nothing here executes a driver: deeds write messages and Parquet files as
the driver would.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from dagster_pipes import decode_param

from engineshed.model.errors import LaunchLost, PlatformBusy, SubmitRejected
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.job import SparkJob
from engineshed.model.launch import Launch, Token
from engineshed.model.message import SEAL_KEY
from engineshed.model.money import Basis, Cost, Rates
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.model.request import Request, Work
from engineshed.model.status import State, Status
from engineshed.model.usage import Usage, UsageInterval
from engineshed.ports.clock import Clock
from engineshed.ports.engine import Capabilities, Check, LogChunk
from engineshed.ports.prices import PriceBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a run does: log lines at even times over `lasts_s`, then tables, seal and `closed`.

    ends: the platform's final word. exception: the driver closes with it. closes: whether `closed` is said at all.
    rows: rows of each table that the job declares. failure: what the platform says of a failed run.
    """

    lasts_s: float = 10.0
    lines: int = 5
    rows: int = 3
    ends: State = State.SUCCEEDED
    closes: bool = True
    opens: bool = True
    seals: bool = True
    exception: str = ""
    failure: Failure | None = None


@dataclass(slots=True)
class _Run:
    request: Request
    native_id: str
    submitted_at: datetime
    script: Script
    said: int = 0
    cancelled_at: datetime | None = None
    finished: bool = False


@dataclass(slots=True)
class VirtualPlatform:
    """Takes submits by token. `submissions` counts what was really started; `faults` holds named faults still to
    happen.
    """

    clock: Clock
    script: Script = field(default_factory=Script)
    runs: dict[Token, _Run] = field(default_factory=dict)
    submissions: list[Token] = field(default_factory=list)
    cancels: list[Token] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    reject: FailureClass | None = None

    def fault(self, name: str) -> bool:
        """Whether a fault of that name happens now; each one asked for happens once."""
        left = self.faults.get(name, 0)
        self.faults[name] = max(0, left - 1)
        return left > 0

    def submit(self, request: Request) -> _Run:
        """At most one run a token."""
        if self.fault("submit_busy"):
            raise PlatformBusy("the platform is busy: try the submit again.")
        if self.reject is not None:
            raise SubmitRejected("the platform refuses the request.", self.reject)
        run = self.runs.get(request.token)
        if run is None:
            run = _Run(request, f"native-{len(self.runs) + 1}", self.clock.now(), self.script)
            self.runs[request.token] = run
            self.submissions.append(request.token)
        if self.fault("submit_reply_lost"):
            raise PlatformBusy("the reply was lost: try the submit again.")
        if self.fault("submit_refused_too_late"):
            raise SubmitRejected("the platform refuses what it has begun.", FailureClass.CAPACITY)
        return run

    def advance(self) -> None:
        """Let every run do what is due by now."""
        for run in self.runs.values():
            if not run.finished:
                self._advance(run)

    def _advance(self, run: _Run) -> None:
        script, ran_s = run.script, (self.clock.now() - run.submitted_at).total_seconds()
        if run.cancelled_at is not None:
            run.finished = True
            return
        if script.opens and run.said == 0:
            _say(run, "opened", {})
            run.said = 1
        due = min(script.lines, int(script.lines * ran_s / script.lasts_s)) if script.lasts_s else script.lines
        while script.opens and run.said - 1 < due:
            _say(run, "log", {"message": f"line {run.said}", "level": "info"})
            run.said += 1
        if ran_s >= script.lasts_s:
            self._finish(run)

    def _finish(self, run: _Run) -> None:
        script, context = run.script, _context(run)
        run.finished = True
        if script.ends is State.SUCCEEDED and not script.exception and script.seals:
            _write_tables(context, script.rows)
            if script.opens:
                _say(run, "report_custom_message", {"payload": {SEAL_KEY: {"tables": {}}}})
        if script.closes and script.opens:
            failed = {"exception": {"name": "ValueError", "message": script.exception, "stack": []}}
            _say(run, "closed", failed if script.exception else {})

    def state(self, run: _Run) -> State:
        """Queued for a second, then running, then as the script ends or cancelled."""
        if run.cancelled_at is not None:
            return State.CANCELLED
        if run.finished:
            return run.script.ends
        return State.RUNNING if (self.clock.now() - run.submitted_at).total_seconds() >= 1 else State.QUEUED


class VirtualEngine:
    """An engine over a VirtualPlatform. See `engineshed.ports.engine.Engine`."""

    def __init__(self, platform: VirtualPlatform, name: str = "virtual", usd_per_hour: Decimal = Decimal(1)) -> None:
        self._platform, self._name, self._rate = platform, name, usd_per_hour

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """Files; no logs of its own."""
        return Capabilities(transports=("files",), logs=False)

    def offers(self, job: SparkJob, book: PriceBook) -> Sequence[Offer | Rejection]:
        """One."""
        rates = Rates(compute_usd_per_hour=self._rate, source="test")
        return (Offer(engine=self._name, name="one", resources=job.resources, rates=rates),)

    def render(self, work: Work) -> Request:
        """Job and wiring."""
        return Request(self._name, work.token, {"job": work.job.name, "env": dict(work.wiring.env)})

    def submit(self, request: Request) -> Launch:
        """To the platform."""
        return self._launch(self._platform.submit(request))

    def find(self, token: Token) -> Launch | None:
        """By token."""
        if self._platform.fault("find_busy"):
            raise PlatformBusy("the list is not available now.")
        run = self._platform.runs.get(token)
        return None if run is None else self._launch(run)

    def status(self, launch: Launch) -> Status:
        """As the platform says."""
        if self._platform.fault("status_busy"):
            raise PlatformBusy("throttled.")
        run = self._run(launch)
        self._platform.advance()
        state = self._platform.state(run)
        failure = run.script.failure if state is State.FAILED else None
        return Status(state=state, native=str(state), observed_at=self._platform.clock.now(), failure=failure)

    def cancel(self, launch: Launch) -> None:
        """Ends it at once, unless the fault `cancel_ignored` is asked for."""
        run = self._platform.runs.get(launch.token)
        self._platform.cancels.append(launch.token)
        if self._platform.fault("cancel_busy"):
            raise PlatformBusy("the cancel was not taken.")
        if self._platform.fault("cancel_ignored"):
            return
        if run is not None and not run.finished:
            run.cancelled_at = self._platform.clock.now()
            run.finished = True

    def usage(self, launch: Launch) -> Usage:
        """From submit to now."""
        if self._platform.fault("usage_busy"):
            raise PlatformBusy("usage is not there yet.")
        start, end = self._run(launch).submitted_at, self._platform.clock.now()
        return Usage(intervals=(UsageInterval(item="node", quantity=1, start=start, end=end),))

    def cost(self, usage: Usage, book: PriceBook) -> Cost:
        """Hours times the rate."""
        return Cost(compute_usd=Decimal(repr(usage.hours)) * self._rate, basis=Basis.METERED)

    def owned(self, prefix: str) -> Iterable[Launch]:
        """All with that prefix."""
        return [self._launch(run) for token, run in self._platform.runs.items() if token.startswith(prefix)]

    def links(self, launch: Launch) -> Mapping[str, str]:
        """None."""
        return {}

    def logs(self, launch: Launch, cursor: str = "") -> LogChunk:
        """None."""
        return LogChunk("", cursor)

    def settings(self) -> Mapping[str, object]:
        """None."""
        return {}

    def doctor(self) -> Sequence[Check]:
        """Always well."""
        return (Check("platform", True, "virtual"),)

    def _run(self, launch: Launch) -> _Run:
        run = self._platform.runs.get(launch.token)
        if run is None or self._platform.fault("forgotten"):
            raise LaunchLost(f"{launch.native_id} is unknown to the platform.")
        return run

    def _launch(self, run: _Run) -> Launch:
        return Launch(
            engine=self._name, token=run.request.token, native_id=run.native_id, submitted_at=run.submitted_at
        )


def _param(run: _Run, name: str) -> Path:
    param: Any = decode_param(run.request.body["env"][name])
    return Path(param["path"])


def _say(run: _Run, method: str, params: Mapping[str, Any]) -> None:
    line = json.dumps({"__dagster_pipes_version": "0.1", "method": method, "params": params})
    with _param(run, "DAGSTER_PIPES_MESSAGES").open("a") as messages:
        messages.write(line + "\n")


def _context(run: _Run) -> dict[str, Any]:
    context: dict[str, Any] = json.loads(_param(run, "DAGSTER_PIPES_CONTEXT").read_text())
    return dict(context["extras"]["engineshed"])


def _write_tables(context: Mapping[str, Any], rows: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for prefix in context["outputs"].values():
        for table in (*context["tables"], "_seal"):
            buffer = io.BytesIO()
            pq.write_table(pa.table({"n": list(range(rows)), "token": [context["token"]] * rows}), buffer)
            path = Path(prefix) / table / "part-0.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(buffer.getvalue())
