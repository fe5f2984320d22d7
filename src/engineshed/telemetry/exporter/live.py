"""Live progress that readers post, beside what facts say: the newest of each attempt, gone when the attempt is settled.

Whose it is comes from the attempt's own facts and from who the caller is, never from what the caller says. It refuses
progress of another team's attempt, drops what comes beyond its room, and forgets what no attempt claims.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from engineshed.telemetry import metrics as m
from engineshed.telemetry.counting import LiveAttempt
from engineshed.telemetry.series import SeriesSet

ROOM = 10_000
"""Attempts whose progress is kept at a time."""

_UNCLAIMED = timedelta(minutes=2)
"""How long progress waits for the facts of its attempt."""

_SUMS = (
    ("stages_done", m.LIVE_STAGES_DONE),
    ("stages_total", m.LIVE_STAGES_KNOWN),
    ("tasks_done", m.LIVE_TASKS_DONE),
    ("tasks_total", m.LIVE_TASKS_KNOWN),
    ("rows", m.LIVE_ROWS),
    ("input_bytes", m.LIVE_INPUT_BYTES),
    ("spill_bytes", m.LIVE_SPILL_BYTES),
)


class Taken(StrEnum):
    """What became of a post. STALE: something newer was there already."""

    TAKEN = "taken"
    STALE = "stale"
    REFUSED = "refused"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Progress of one attempt: `sequence` grows with it. `team` is who the caller is; None where nobody is told
    apart, on a machine of one's own.
    """

    token: str
    sequence: int
    progress: Mapping[str, float]
    at: datetime
    team: str | None = None


class LiveProgress:
    """The newest post of each attempt. Any thread may call."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._posts: dict[str, Post] = {}
        self._teams: dict[str, str] = {}
        self._lock = threading.Lock()

    def take(self, post: Post) -> Taken:
        """Keep it, if it is the newest and the caller's own."""
        with self._lock:
            owner = self._teams.get(post.token)
            before = self._posts.get(post.token)
            if post.team is not None and owner is not None and post.team != owner:
                return Taken.REFUSED
            if before is not None and before.team != post.team:
                return Taken.REFUSED
            if before is not None and before.sequence >= post.sequence:
                return Taken.STALE
            if before is None and len(self._posts) >= self._room:
                return Taken.DROPPED
            self._posts[post.token] = post
            return Taken.TAKEN

    def follow(self, live: Mapping[str, LiveAttempt], now: datetime) -> None:
        """Learn whose the live attempts are; forget what is over, of another team, or unclaimed for long."""
        with self._lock:
            self._teams = {token: one.team for token, one in live.items()}
            self._posts = {
                token: post
                for token, post in self._posts.items()
                if (self._teams[token] == (post.team or self._teams[token]) if token in live else _waits(post, now))
            }

    def gauges(self, live: Mapping[str, LiveAttempt], now: datetime) -> SeriesSet:
        """The gauges over all live attempts."""
        with self._lock:
            posts = dict(self._posts)
        series = SeriesSet()
        for token, one in live.items():
            whose = {"team": one.team, "code_location": one.code_location, "engine": one.engine}
            series.add(m.LIVE, **whose, state=one.state)
            series.add(m.LIVE_RESERVED, one.forecast_usd, **whose)
            post = posts.get(token)
            progress = {**one.progress, **(post.progress if post else {})}
            for name, metric in _SUMS:
                if name in progress:
                    series.add(metric, progress[name], **whose)
            heard_at = max((at for at in (one.heard_at, post.at if post else None) if at), default=None)
            if heard_at is not None and one.state == "running":
                series.highest(m.HEARTBEAT_AGE, max(0.0, (now - heard_at).total_seconds()), **whose)
        return series


def _waits(post: Post, now: datetime) -> bool:
    return now - post.at < _UNCLAIMED
