"""Who posts progress: on Kubernetes the team whose service account the caller's token belongs to.

The API server is asked (TokenReview) and the team read from the label of the account's namespace, never from what the
caller says. Answers are kept for a minute, by the token's hash, so that 300 posts a second ask it once.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from typing import Protocol

TEAM_LABEL = "engineshed.dev/team"
AUDIENCE = "engineshed-exporter"
"""What a projected token must be for: one for the API server itself is not sent around."""

_KEPT_S = 60.0
_KEPT = 10_000
_ACCOUNT = "system:serviceaccount:"


class Unknown(Exception):
    """The token is none, or of nobody's team."""


class Callers(Protocol):
    """Tells who a caller is."""

    def team(self, bearer: str) -> str | None:
        """The caller's team; None where callers are not told apart. Raises Unknown."""
        ...


class AnyCaller:
    """On a machine of one's own, where the exporter listens on the loopback address only."""

    def team(self, bearer: str) -> str | None:
        """Nobody is told apart."""
        return None


class Accounts:
    """By service account. `review`: the user that a token is of; `namespace_team`: the team of a namespace."""

    def __init__(
        self,
        review: Callable[[str], str | None],
        namespace_team: Callable[[str], str | None],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._review, self._namespace_team, self._monotonic_s = review, namespace_team, monotonic_s
        self._known: dict[str, tuple[float, str | None]] = {}
        self._lock = threading.Lock()

    def team(self, bearer: str) -> str | None:
        """The team of the account's namespace. Raises Unknown."""
        digest, now_s = hashlib.sha256(bearer.encode()).hexdigest(), self._monotonic_s()
        with self._lock:
            known = self._known.get(digest)
        if known is None or now_s - known[0] > _KEPT_S:
            known = (now_s, self._ask(bearer) if bearer else None)
            with self._lock:
                if len(self._known) >= _KEPT:
                    self._known.clear()
                self._known[digest] = known
        if known[1] is None:
            raise Unknown
        return known[1]

    def _ask(self, bearer: str) -> str | None:
        user = self._review(bearer)
        if user is None or not user.startswith(_ACCOUNT):
            return None
        return self._namespace_team(user.removeprefix(_ACCOUNT).split(":")[0])
