"""What an engine must do. `engineshed.testing.EngineContract` checks every line of this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from engineshed.model.job import SparkJob
from engineshed.model.launch import Launch, Token
from engineshed.model.money import Cost
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.model.request import Request, Work
from engineshed.model.status import Status
from engineshed.model.usage import Usage
from engineshed.ports.clock import Clock
from engineshed.ports.prices import PriceBook
from engineshed.ports.store import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an engine says of itself; the contract suite skips what is not declared.

    transports: names of channels it can carry, best first. progress: the driver can report stages and tasks there.
    outlives_launcher: a run goes on when the process that submitted it dies. logs: `logs` returns the driver's output.
    beyond_machine: drivers run elsewhere and share no files with the launcher, so what they need goes to the exchange.
    logs_late_s: for how long after a run's end its output may still be delivered; a failed run's is waited for.
    look_s: at least so long between two looks at a run, where the platform limits requests.
    submits_in_parts: `find` may see a run whose submit is not complete; sending the same request again completes it.
    """

    transports: tuple[str, ...]
    progress: bool = True
    outlives_launcher: bool = True
    logs: bool = True
    beyond_machine: bool = False
    logs_late_s: float = 0.0
    look_s: float = 0.0
    submits_in_parts: bool = False


@dataclass(frozen=True, slots=True)
class LogChunk:
    """A piece of the driver's output. `cursor` goes into the next call; empty text means nothing new."""

    text: str
    cursor: str


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of `doctor`. `remedy` is empty when ok."""

    subject: str
    ok: bool
    fact: str
    remedy: str = ""


class Engine(Protocol):
    """A place where a SparkJob can run. Never imports Dagster; imports its SDK only when it is built."""

    @property
    def name(self) -> str:
        """The entry point's name; the `engine` label of every metric."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do."""
        ...

    def offers(self, job: SparkJob, book: PriceBook) -> Sequence[Offer | Rejection]:
        """Every priced way to run the job here, and for each way that is out the reason. Does not submit anything."""
        ...

    def render(self, work: Work) -> Request:
        """The foreign call. Pure: equal works give equal requests, no network, no clock. Raises JobInvalid."""
        ...

    def submit(self, request: Request) -> Launch:
        """Make it real, at most once per token: a second call with the same token returns the same launch.

        Raises PlatformBusy (repeat the call), SubmitRejected, AccessDenied.
        """
        ...

    def find(self, token: Token) -> Launch | None:
        """The launch that carries the token, also when the reply to its submit was lost; None when there is none."""
        ...

    def status(self, launch: Launch) -> Status:
        """One observation. Raises LaunchLost for a run the platform forgot, StateUnknown, PlatformBusy."""
        ...

    def cancel(self, launch: Launch) -> None:
        """Ask for the end; returns before the run has ended; idempotent; no error for a run that is over or gone."""
        ...

    def usage(self, launch: Launch) -> Usage:
        """What the platform metered so far. Raises LaunchLost."""
        ...

    def cost(self, usage: Usage, book: PriceBook) -> Cost:
        """What that usage costs. Pure. Raises PriceUnknown."""
        ...

    def owned(self, prefix: str) -> Iterable[Launch]:
        """Every run here whose token starts with the prefix, ended ones included while the platform lists them."""
        ...

    def links(self, launch: Launch) -> Mapping[str, str]:
        """Places where people look: name -> URL or path (`driver log`, `Spark UI`)."""
        ...

    def logs(self, launch: Launch, cursor: str = "") -> LogChunk:
        """The driver's output after the cursor, at most 64 KiB a call."""
        ...

    def settings(self) -> Mapping[str, object]:
        """The checked settings in force, without secrets."""
        ...

    def doctor(self) -> Sequence[Check]:
        """Whether this engine could run a job now, and what is missing. Changes nothing."""
        ...


@runtime_checkable
class Forgets(Protocol):
    """An engine whose platform keeps something of a run that has ended until it is deleted."""

    def forget(self, launch: Launch) -> None:
        """Delete what the platform keeps of an ended run; a live one is left alone. No error when it is gone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every engine and channel is built with, besides its own settings.

    home: folder for state on this machine. python: the interpreter that drivers use on this machine.
    exchange: the object store through which launchers and drivers of other machines give each other code, contexts and
    messages; None where none is set. exchange_access: how drivers reach it (`endpoint_url`, `region`), no credentials.
    open_store: opens a further store by its root, for a channel that has a place of its own; None where nobody can.
    """

    home: str
    python: str
    clock: Clock
    team: str = ""
    code_location: str = ""
    exchange: ObjectStore | None = None
    exchange_access: Mapping[str, str] = field(default_factory=dict)
    open_store: Callable[[str], ObjectStore] | None = None


EngineBuilder = Callable[[Mapping[str, Any], Surroundings], Engine]
"""What an entry point of group `engineshed.engines` names: checks the engine's settings, imports its SDK, builds it.

Raises SettingInvalid naming the key and the allowed values, ExtraMissing naming the extra to install.
"""
