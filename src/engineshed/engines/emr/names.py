"""What a run is called on EMR. The API has no client token and its lists show no tags, so the token is in names."""

from __future__ import annotations

import re

from engineshed.model.launch import Token

NAME = "emr"

_TOKEN = re.compile(r"\bes-[0-9a-f]{24}\b")
_UNFIT = re.compile(r"[<>$|`\r\n\t]")
_LONGEST = 200


def run_name(job: str, token: Token) -> str:
    """The name of a cluster of the run's own, and of its step: readable, without what EMR refuses in names."""
    return f"{_UNFIT.sub(' ', job)[:_LONGEST]} {token}"


def token_of(name: str) -> Token | None:
    """The token that a name carries."""
    found = _TOKEN.search(name)
    return Token(found.group()) if found else None
