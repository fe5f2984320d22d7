"""Platforms that are busy, away, late and forgetful as a seed has it, and yet keep exact books of what ran when."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from engineshed.model.errors import LaunchLost, PlatformBusy
from engineshed.model.failure import FailureClass
from engineshed.model.launch import Launch, Token
from engineshed.model.request import Request
from engineshed.model.status import State, Status
from engineshed.model.usage import Usage, UsageInterval
from engineshed.ports.engine import Capabilities
from engineshed.testing.platform import VirtualEngine, VirtualPlatform
from engineshed.testing.soak.fate import IN_PARTS, Fate


@dataclass
class TroubledPlatform(VirtualPlatform):
    """A VirtualPlatform whose faults a fate draws. `started` is told of every run that really begins."""

    name: str = ""
    fate: Fate = field(default_factory=lambda: Fate(0))
    started: Callable[[str, Token], None] = lambda name, token: None
    ended_at: dict[Token, datetime] = field(default_factory=dict)
    held: set[Token] = field(default_factory=set)
    denied: dict[Token, int] = field(default_factory=dict)

    def fault(self, name: str) -> bool:
        """As drawn."""
        return self.fate.happens(name)

    def answer(self) -> None:
        """Raises PlatformBusy while the platform is away."""
        if self.fate.is_away(self.name, self.clock.monotonic_s()):
            raise PlatformBusy(f"{self.name} is away.")

    def submit(self, request: Request) -> Any:
        """At most one run a token; held where the submit has a second part."""
        self.answer()
        self.reject = FailureClass.CAPACITY if self.fate.happens("no_room") else None
        self.script = self.fate.script()
        before = len(self.submissions)
        try:
            return super().submit(request)
        finally:
            if len(self.submissions) > before:
                self.started(self.name, request.token)
                if self.name == IN_PARTS:
                    self.held.add(request.token)

    def release(self, token: Token) -> None:
        """The second part of a submit."""
        self.answer()
        if token in self.held:
            self.held.discard(token)
            self.runs[token].submitted_at = self.clock.now()

    def advance(self) -> None:
        """Let every run do what is due by now, and write down when it ended."""
        for token, run in self.runs.items():
            if token in self.held or token in self.ended_at:
                continue
            self._advance(run)
            if run.finished:
                lasted = timedelta(seconds=run.script.lasts_s)
                self.ended_at[token] = run.cancelled_at or min(run.submitted_at + lasted, self.clock.now())

    def end(self, token: Token) -> None:
        """A cancel that is carried out."""
        run = self.runs.get(token)
        if run is not None and not run.finished:
            run.cancelled_at = self.ended_at[token] = self.clock.now()
            run.finished = True
            self.held.discard(token)

    def lives(self, token: Token) -> bool:
        """Whether the run goes on."""
        return token in self.runs and token not in self.ended_at

    def usage(self, token: Token) -> Usage:
        """One node from start to end."""
        run = self.runs[token]
        end = self.ended_at.get(token, self.clock.now())
        return Usage(intervals=(UsageInterval(item="node", quantity=1, start=min(run.submitted_at, end), end=end),))


class TroubledEngine(VirtualEngine):
    """An engine over a TroubledPlatform, at the prices of the day on which its worker started.

    between: called between the parts of a submit.
    """

    def __init__(self, platform: TroubledPlatform, usd_per_hour: Decimal, between: Callable[[], None]) -> None:
        super().__init__(platform, platform.name, usd_per_hour)
        self._troubled, self._between = platform, between

    @property
    def capabilities(self) -> Capabilities:
        """Files; in parts where its name says so."""
        return replace(super().capabilities, submits_in_parts=self.name == IN_PARTS)

    def submit(self, request: Request) -> Launch:
        """To the platform, in one part or two."""
        launch = super().submit(request)
        if self.capabilities.submits_in_parts:
            self._between()
            self._troubled.release(request.token)
        return launch

    def find(self, token: Token) -> Launch | None:
        """By token; a run appears in lists a moment after its start."""
        self._troubled.answer()
        return None if self._unlisted(token) else super().find(token)

    def status(self, launch: Launch) -> Status:
        """As the platform says; an end may be seen late, and a run be denied, never three times in a row."""
        self._troubled.answer()
        token, fate = launch.token, self._troubled.fate
        if fate.chance(0.02) and self._troubled.denied.get(token, 0) < 2:
            self._troubled.denied[token] = self._troubled.denied.get(token, 0) + 1
            raise LaunchLost(f"{launch.native_id} is unknown to the platform.")
        status = super().status(launch)
        self._troubled.denied[token] = 0
        ended_at = self._troubled.ended_at.get(token)
        if token in self._troubled.held:
            return replace(status, state=State.QUEUED, native="held", failure=None)
        if ended_at is None or self._late(ended_at):
            return replace(status, state=State.RUNNING, native="running", failure=None)
        return status

    def cancel(self, launch: Launch) -> None:
        """Ends it at once, if it is heard."""
        self._troubled.answer()
        if self._troubled.fault("cancel_busy"):
            raise PlatformBusy("the cancel was not taken.")
        self._troubled.cancels.append(launch.token)
        if not self._troubled.fault("cancel_ignored"):
            self._troubled.end(launch.token)

    def usage(self, launch: Launch) -> Usage:
        """By the platform's books."""
        self._troubled.answer()
        if self._troubled.fault("usage_busy"):
            raise PlatformBusy("usage is not there yet.")
        return self._troubled.usage(launch.token)

    def owned(self, prefix: str) -> Iterable[Launch]:
        """All that are listed."""
        self._troubled.answer()
        return [launch for launch in super().owned(prefix) if not self._unlisted(launch.token)]

    def _unlisted(self, token: Token) -> bool:
        run = self._troubled.runs.get(token)
        if run is None:
            return True
        age_s = (self._troubled.clock.now() - run.submitted_at).total_seconds()
        return not self._troubled.fate.calm and age_s < self._troubled.fate.list_lag_s

    def _late(self, ended_at: datetime) -> bool:
        fate, now = self._troubled.fate, self._troubled.clock.now()
        return not fate.calm and (now - ended_at).total_seconds() < fate.state_lag_s
