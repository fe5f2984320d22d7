"""An engine whose runs are supervised processes of this machine; a `Flavour` says what they are.

All state lies in the run folders, so that an engine built anew sees and ends the runs of one that died. Refuses memory
that is not there, libraries that are not installed, and whatever its flavour refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from engineshed.model.errors import LaunchLost
from engineshed.model.job import SparkJob
from engineshed.model.launch import Launch, Token
from engineshed.model.money import Basis, Cost, Rates
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.model.request import Request, Work
from engineshed.model.resources import Resources
from engineshed.model.status import Status
from engineshed.model.usage import Usage, UsageInterval
from engineshed.ports.engine import Capabilities, Check, LogChunk, Surroundings
from engineshed.ports.prices import PriceBook, PriceUnknown
from engineshed.processes import logs, rendering
from engineshed.processes.flavour import Flavour
from engineshed.processes.folder import Exit, RunFolder
from engineshed.processes.launching import launch
from engineshed.processes.machine import Interpreter, Machine, free_gib
from engineshed.processes.requirements import unmet
from engineshed.processes.settings import ProcessSettings
from engineshed.processes.status import ended, observe

NODE = "node"
"""The item of the price book that an hour of this machine is."""

_LITTLE_DISK_GIB = 2.0
_MICRO_USD = Decimal("0.000001")


class ProcessEngine:
    """See `engineshed.ports.engine.Engine` for what each method promises."""

    def __init__(
        self, flavour: Flavour, settings: ProcessSettings, surroundings: Surroundings, machine: Machine | None = None
    ) -> None:
        self._flavour = flavour
        self._settings = settings
        self._clock = surroundings.clock
        self._runs = Path(surroundings.home).absolute() / "runs" / flavour.name
        self._python = settings.python or surroundings.python
        self._machine = machine or Machine.here()

    @property
    def name(self) -> str:
        """As the entry point is called."""
        return self._flavour.name

    @property
    def capabilities(self) -> Capabilities:
        """Files carry the messages; all else is there."""
        return Capabilities(transports=("files",))

    def offers(self, job: SparkJob, book: PriceBook) -> Sequence[Offer | Rejection]:
        """One offer, or the reason why there is none."""
        refused = self._refusal(job)
        if refused:
            return (self._rejection(*refused),)
        shape = self._flavour.shape()
        if isinstance(shape, Rejection):
            return (shape,)
        most = self._machine.cores if self._settings.cores == "all" else min(self._settings.cores, self._machine.cores)
        cores, memory_gib = min(most, job.resources.cores), self._flavour.memory_gib(job)
        cold_start_s = self._settings.cold_start_s
        return (
            Offer(
                engine=self.name,
                name=f"{self.name}[{cores}]",
                resources=Resources(driver_cores=cores, driver_memory_gib=memory_gib, executors=0),
                rates=self._rates(book),
                cold_start_s=self._flavour.cold_start_s if cold_start_s is None else cold_start_s,
                shape={"cores": cores, "memory_gib": memory_gib, **shape},
            ),
        )

    def render(self, work: Work) -> Request:
        """A program with its arguments, its variables, its working directory and its limits."""
        folder = str(self._runs / work.token)
        return rendering.render(
            work,
            self._settings,
            folder=folder,
            python=self._python,
            session=self._flavour.session(work, f"{folder}/scratch"),
            env=self._flavour.env(work),
        )

    def submit(self, request: Request) -> Launch:
        """Start the run's supervisor and return once it has shown itself."""
        folder = self._folder(request.token)
        launch(folder, request, now=self._clock.now(), wait_s=self._settings.start_wait_s)
        return self._launch(folder)

    def find(self, token: Token) -> Launch | None:
        """The run of that token unless it never started."""
        folder = self._folder(token)
        return self._launch(folder) if observe(folder, now=self._clock.now()) else None

    def status(self, launch: Launch) -> Status:
        """What the run folder says; when the supervisor is dead, what is left of the run is ended first."""
        status = observe(self._folder(launch.token), now=self._clock.now())
        if status is None:
            raise self._lost(launch)
        return status

    def cancel(self, launch: Launch) -> None:
        """Leave a mark that the supervisor sees within a fraction of a second."""
        self._folder(launch.token).ask_cancel()

    def usage(self, launch: Launch) -> Usage:
        """One node from start to end; complete once the run has ended."""
        folder = self._folder(launch.token)
        status = self.status(launch)
        end = ended(folder)
        if status.started_at is None:
            return Usage(complete=end is not None)
        until = end.ended_at if end else self._clock.now()
        span = UsageInterval(item=NODE, quantity=1.0, start=status.started_at, end=until)
        return Usage(intervals=(span,), complete=end is not None, measures=_measures(end) if end else {})

    def cost(self, usage: Usage, book: PriceBook) -> Cost:
        """Hours times the price of an hour, to the millionth of a dollar."""
        compute_usd = Decimal(0)
        for interval in usage.intervals:
            microseconds = max(0, (interval.end - interval.start) // timedelta(microseconds=1))
            hours = Decimal(microseconds) / 3_600_000_000
            compute_usd += hours * Decimal(str(interval.quantity)) * self._usd_per_hour(book)[0]
        basis = Basis.METERED if usage.complete else Basis.ESTIMATED
        return Cost(compute_usd=compute_usd.quantize(_MICRO_USD), basis=basis)

    def owned(self, prefix: str) -> Iterator[Launch]:
        """Every run whose folder is still there, by token."""
        if not self._runs.is_dir():
            return
        for path in sorted(self._runs.iterdir()):
            if path.name.startswith(prefix):
                found = self.find(Token(path.name))
                if found:
                    yield found

    def links(self, launch: Launch) -> Mapping[str, str]:
        """The two logs."""
        folder = self._folder(launch.token)
        return {"driver output": str(folder.stdout), "driver errors": str(folder.stderr)}

    def logs(self, launch: Launch, cursor: str = "") -> LogChunk:
        """Standard output and error, whole lines, each stream in order. Raises LaunchLost."""
        final = self.status(launch).state.final
        return logs.next_chunk(self._folder(launch.token), cursor, final=final)

    def settings(self) -> Mapping[str, object]:
        """As checked; of variables only the names."""
        plain = self._settings.model_dump(mode="json")
        return {**plain, "env": sorted(self._settings.env)}

    def doctor(self) -> Sequence[Check]:
        """Interpreter and distributions, what the flavour needs, memory, disk."""
        disk_gib = free_gib(str(self._runs))
        return (
            self._interpreter_check(),
            *self._flavour.checks(),
            Check("machine", True, f"{self._machine.cores} cores, {self._machine.memory_gib:g} GiB of memory"),
            Check(
                "disk",
                disk_gib >= _LITTLE_DISK_GIB,
                f"{disk_gib:.1f} GiB free under {self._runs}",
                "" if disk_gib >= _LITTLE_DISK_GIB else "Make room, or give engineshed another home.",
            ),
        )

    @cached_property
    def _interpreter(self) -> Interpreter | None:
        return Interpreter.at(self._python)

    def _interpreter_check(self) -> Check:
        interpreter = self._interpreter
        if interpreter is None:
            return Check("python", False, f"{self._python} cannot be run", f"Set engines.{self.name}.python.")
        lacking = unmet(self._flavour.requirements, interpreter)
        fact = f"Python {interpreter.version}; " + ("; ".join(lacking) or ", ".join(self._flavour.requirements))
        return Check("python", not lacking, fact, self._install() if lacking else "")

    def _refusal(self, job: SparkJob) -> tuple[str, str] | None:
        interpreter = self._interpreter
        if interpreter is None:
            return "no_python", f"{self._python} cannot be run: set engines.{self.name}.python."
        lacking = unmet(self._flavour.requirements, interpreter)
        if lacking:
            return "extra_missing", f"{'; '.join(lacking)}: {self._install()}"
        lacking = unmet(job.libraries, interpreter)
        if lacking:
            return "library_missing", f"{'; '.join(lacking)} in {self._python}: install what the job names there."
        most_bytes, expected_bytes = self._settings.max_input_bytes, job.expected_input_bytes
        if most_bytes is not None and expected_bytes is not None and expected_bytes > most_bytes:
            fact = f"the job is expected to read {expected_bytes} bytes, the limit here is {most_bytes}"
            return "input_too_large", f"{fact}: raise engines.{self.name}.max_input_bytes or use a larger engine."
        needed_gib, there_gib = self._flavour.memory_gib(job), self._machine.memory_gib
        if needed_gib > there_gib:
            fact = f"the job takes {needed_gib:g} GiB of memory, this machine has {there_gib:g}"
            return "memory", f"{fact}: lower the job's resources or use a larger engine."
        return None

    def _install(self) -> str:
        return f"install engineshed[{self._flavour.extra}] for {self._python}."

    def _rejection(self, code: str, reason: str) -> Rejection:
        return Rejection(engine=self.name, code=code, reason=reason)

    def _rates(self, book: PriceBook) -> Rates | None:
        try:
            usd_per_hour, source = self._usd_per_hour(book)
        except PriceUnknown:
            return None
        return Rates(compute_usd_per_hour=usd_per_hour, source=source)

    def _usd_per_hour(self, book: PriceBook) -> tuple[Decimal, str]:
        own = self._settings.usd_per_hour
        if own is not None:
            return own, f"setting engines.{self.name}.usd_per_hour"
        price = book.price(NODE)
        return price.usd_per_hour, f"{price.source}, {price.as_of}"

    def _folder(self, token: Token) -> RunFolder:
        return RunFolder(self._runs / token)

    def _launch(self, folder: RunFolder) -> Launch:
        token = Token(folder.path.name)
        return Launch(
            engine=self.name,
            token=token,
            native_id=str(token),
            submitted_at=folder.submitted_at(),
            extras={"folder": str(folder.path)},
        )

    def _lost(self, launch: Launch) -> LaunchLost:
        return LaunchLost(
            f"engine {self.name}: run {launch.token} is not known under {self._runs}: its folder was deleted, "
            "or it was launched on another machine."
        )


def _measures(end: Exit) -> dict[str, float]:
    known = {"cpu_s": end.cpu_s, "max_rss_bytes": end.max_rss_bytes, "exit_code": end.exit_code}
    return {name: float(value) for name, value in known.items() if value is not None}
