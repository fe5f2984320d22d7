"""The foreign call as a value: rendered by a pure function, compared with golden files, then sent unchanged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engineshed.model.job import SparkJob
from engineshed.model.launch import Token
from engineshed.model.offer import Offer
from engineshed.model.staged import Staged
from engineshed.model.wiring import Wiring


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """All that is decided about one attempt: the input of `Engine.render`."""

    job: SparkJob
    offer: Offer
    token: Token
    wiring: Wiring
    staged: Staged
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """The call as the platform's API wants it. `body` is JSON and holds no secret."""

    engine: str
    token: Token
    body: Mapping[str, Any]

    def canonical(self) -> str:
        """The one JSON text of this request: sorted keys, two spaces, a final newline."""
        plain = {"engine": self.engine, "token": self.token, "body": self.body}
        return json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @property
    def digest(self) -> str:
        """sha256 of the canonical text."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()
