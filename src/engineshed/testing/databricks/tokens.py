"""Bearer tokens: one that is good for ever, and those that OAuth gives, which are good for a while."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

from engineshed.testing.databricks.refusals import Refusal


class Tokens:
    """lasts_s: of a token that OAuth gives."""

    def __init__(self, personal: str, lasts_s: int = 3600) -> None:
        self._personal, self.lasts_s = personal, lasts_s
        self._until: dict[str, datetime] = {}
        self._numbers = itertools.count(1)

    def issue(self, now: datetime) -> str:
        """A new one."""
        token = f"oauth-{next(self._numbers)}"
        self._until[token] = now + timedelta(seconds=self.lasts_s)
        return token

    def check(self, authorization: str, now: datetime) -> None:
        """Raises Refusal for a header without a token that is good now."""
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer" or not token:
            raise Refusal(401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type for this API.")
        if token == self._personal:
            return
        if token not in self._until:
            raise Refusal(403, "PERMISSION_DENIED", "Invalid access token.")
        if now >= self._until[token]:
            raise Refusal(401, "UNAUTHENTICATED", "Token is expired.")
