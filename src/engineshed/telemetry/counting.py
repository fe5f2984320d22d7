"""From facts to counters: a pure fold, so that who counts again from the first fact gets the same numbers.

What a fact does not say is not guessed: facts of older versions without a figure add nothing to it. Facts of one
attempt may come in any order of kinds, each counts once, since the ledger keeps one of each identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeGuard

from engineshed.model.fact import Fact, FactKind
from engineshed.telemetry import metrics as m
from engineshed.telemetry.series import SeriesSet

_FINAL = frozenset({"succeeded", "failed", "cancelled"})
_SETTLING = "settling"

_REMEMBERED = 10_000
"""Attempts whose end is remembered."""


@dataclass(slots=True)
class LiveAttempt:
    """An attempt that is not settled, as far as facts say. `since`: when it came into its state."""

    team: str
    code_location: str
    engine: str
    state: str
    since: datetime
    intended_at: datetime
    forecast_usd: float = 0.0
    heard_at: datetime | None = None
    progress: dict[str, float] = field(default_factory=dict)
    spent_s: dict[str, float] = field(default_factory=dict)


class Counting:
    """Counters, the live attempts that gauges are made of, the last ones that are over, each code location's team."""

    def __init__(self, series: SeriesSet | None = None) -> None:
        self.series = series if series is not None else SeriesSet()
        self.live: dict[str, LiveAttempt] = {}
        self.teams: dict[str, str] = {}
        self.over: dict[str, None] = {}
        self.series.add(m.FACTS_READ, 0.0)

    def take(self, facts: Iterable[Fact]) -> None:
        """Count facts, in the order of their positions."""
        for fact in facts:
            self.series.add(m.FACTS_READ)
            handler = _HANDLERS.get(fact.kind)
            if handler is not None:
                handler(self, fact)

    def intended(self, fact: Fact) -> None:
        """An attempt begins."""
        self.series.add(m.ATTEMPTS_STARTED, **_whose(fact))
        self.teams[_label(fact, "code_location")] = _label(fact, "team")
        self._live(fact)

    def submitted(self, fact: Fact) -> None:
        """Its platform has taken it."""
        self.series.add(m.ATTEMPTS_SUBMITTED, **_whose(fact))
        one = self._live(fact)
        latency_s = _number(fact.data, "latency_s")
        if latency_s is None and one is not None:
            latency_s = (fact.at - one.intended_at).total_seconds()
        if latency_s is not None:
            self.series.observe(m.SUBMIT_SECONDS, max(0.0, latency_s), engine=_label(fact, "engine"))
        if one is not None:
            self._enter(one, "queued", fact.at)

    def state(self, fact: Fact) -> None:
        """The platform says another state. `nth` of the identity is the state."""
        one = self._live(fact)
        if one is not None:
            said = str(fact.data.get("state") or fact.identity.rsplit(":", 1)[-1])
            self._enter(one, _SETTLING if said in _FINAL else said, fact.at)

    def progress(self, fact: Fact) -> None:
        """A sign of life with figures."""
        one = self._live(fact)
        if one is not None:
            one.heard_at = fact.at
            one.progress.update({k: float(v) for k, v in fact.data.items() if _is_number(v)})

    def settled_(self, fact: Fact) -> None:
        """An attempt has ended: all that is known of it only then."""
        self._remember(fact.token)
        one = self.live.pop(fact.token, None)
        whose, data = _whose(fact), fact.data
        outcome = str(data.get("outcome") or "failed")
        self.series.add(m.ATTEMPTS, **whose, outcome=outcome, error_class=str(data.get("class") or ""))
        if one is not None:
            self._enter(one, "", fact.at)
            for state, spent_s in one.spent_s.items():
                self.series.observe(m.STATE_SECONDS, spent_s, team=one.team, engine=one.engine, state=state)
        self._money(fact, whose, outcome)
        self._volume(fact, whose)
        self._messages(fact)

    def adopted(self, fact: Fact) -> None:
        """Another worker took it over."""
        self.series.add(m.ADOPTIONS, team=_label(fact, "team"), engine=_label(fact, "engine"))

    def failed_over(self, fact: Fact) -> None:
        """The next offer was tried; a larger one where `escalation` says so."""
        team, engine = _label(fact, "team"), _label(fact, "engine")
        escalation = fact.data.get("escalation")
        if escalation:
            self.series.add(m.ESCALATIONS, team=team, engine=engine, kind=str(escalation))
        else:
            self.series.add(m.FAILOVERS, team=team, engine=engine, error_class=str(fact.data.get("class") or ""))

    def cancel_asked(self, fact: Fact) -> None:
        """Its end was asked for."""
        reason = "timeout" if fact.identity.endswith(":timeout") else "cancel"
        self.series.add(m.CANCELS, team=_label(fact, "team"), engine=_label(fact, "engine"), reason=reason)

    def poll_failed(self, fact: Fact) -> None:
        """A look failed."""
        self.series.add(m.POLL_ERRORS, engine=_label(fact, "engine"))

    def billing_failed(self, fact: Fact) -> None:
        """Usage or price could not be had."""
        self.series.add(m.BILLING_ERRORS, engine=_label(fact, "engine"))

    def channel_broken(self, fact: Fact) -> None:
        """Its messages could not be read on."""
        self.series.add(m.CHANNELS_BROKEN, transport=_label(fact, "transport"))

    def reaped(self, fact: Fact) -> None:
        """The reaper ended it."""
        reason = "running" if fact.identity.endswith(":running") else "orphan"
        self.series.add(m.ORPHANS_ENDED, team=_label(fact, "team"), engine=_label(fact, "engine"), reason=reason)

    def published(self, fact: Fact) -> None:
        """Rows were published."""
        rows = fact.data.get("rows")
        if isinstance(rows, Mapping):
            self.series.add(m.ROWS, float(sum(v for v in rows.values() if _is_number(v))), **_whose(fact))

    def _remember(self, token: str) -> None:
        """That an attempt is over, so that a fact which shows late does not bring it back to life."""
        self.over[token] = None
        if len(self.over) > _REMEMBERED:
            del self.over[next(iter(self.over))]

    def _live(self, fact: Fact) -> LiveAttempt | None:
        if not fact.token or fact.token in self.over:
            return None
        there = self.live.get(fact.token)
        if there is None:
            there = self.live[fact.token] = LiveAttempt(
                team=_label(fact, "team"),
                code_location=_label(fact, "code_location"),
                engine=_label(fact, "engine"),
                state="intended",
                since=fact.at,
                intended_at=fact.at,
                forecast_usd=_number(fact.data, "forecast_usd") or 0.0,
            )
        return there

    def _enter(self, one: LiveAttempt, state: str, at: datetime) -> None:
        if one.state == state:
            return
        if one.state not in ("intended", ""):
            one.spent_s[one.state] = one.spent_s.get(one.state, 0.0) + max(0.0, (at - one.since).total_seconds())
        one.state, one.since = state, at

    def _money(self, fact: Fact, whose: Mapping[str, str], outcome: str) -> None:
        cost = fact.data.get("cost")
        if not isinstance(cost, Mapping):
            return
        parts = {part: float(cost.get(f"{part}_usd") or 0) for part in ("compute", "storage", "surcharge")}
        for part, usd in parts.items():
            self.series.add(m.COST, usd, **whose, part=part, kind=str(cost.get("basis") or "estimated"))
        forecast_usd = _number(fact.data, "forecast_usd") or 0.0
        self.series.add(m.FORECAST, forecast_usd, **whose)
        if outcome == "succeeded" and forecast_usd > 0:
            ratio = sum(parts.values()) / forecast_usd
            self.series.observe(m.FORECAST_RATIO, ratio, team=whose["team"], engine=whose["engine"])

    def _volume(self, fact: Fact, whose: Mapping[str, str]) -> None:
        for name, metric in (
            ("input_bytes", m.INPUT_BYTES),
            ("shuffle_bytes", m.SHUFFLE_BYTES),
            ("spill_bytes", m.SPILL_BYTES),
        ):
            said = _number(fact.data, name)
            if said is not None:
                self.series.add(metric, said, **whose)

    def _messages(self, fact: Fact) -> None:
        transport = _label(fact, "transport")
        said = {name: _number(fact.data, name) for name in ("messages", "duplicates", "lost", "damaged")}
        if said["messages"] is not None:
            whose = {name: _label(fact, name) for name in ("team", "code_location", "engine")}
            self.series.add(m.MESSAGES, said["messages"], **whose, transport=transport)
        for name, metric in (
            ("duplicates", m.MESSAGES_DUPLICATE),
            ("lost", m.MESSAGES_LOST),
            ("damaged", m.MESSAGES_DAMAGED),
        ):
            self.series.add(metric, said[name] or 0.0, transport=transport)
        for latency_s in fact.data.get("latencies_s") or ():
            self.series.observe(m.MESSAGE_SECONDS, max(0.0, float(latency_s)), transport=transport)


def _whose(fact: Fact) -> dict[str, str]:
    return {name: _label(fact, name) for name in ("team", "code_location", "asset_group", "engine")}


def _label(fact: Fact, name: str) -> str:
    return str(fact.labels.get(name) or "")


def _number(data: Mapping[str, Any], name: str) -> float | None:
    value = data.get(name)
    return float(value) if _is_number(value) else None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


_HANDLERS = {
    FactKind.INTENDED: Counting.intended,
    FactKind.SUBMITTED: Counting.submitted,
    FactKind.STATE: Counting.state,
    FactKind.PROGRESS: Counting.progress,
    FactKind.SETTLED: Counting.settled_,
    FactKind.ADOPTED: Counting.adopted,
    FactKind.FAILED_OVER: Counting.failed_over,
    FactKind.CANCEL_ASKED: Counting.cancel_asked,
    FactKind.POLL_FAILED: Counting.poll_failed,
    FactKind.BILLING_FAILED: Counting.billing_failed,
    FactKind.CHANNEL_BROKEN: Counting.channel_broken,
    FactKind.REAPED: Counting.reaped,
    FactKind.PUBLISHED: Counting.published,
}
