"""Which settings hold secrets: told by the words of the name, since values cannot tell."""

from __future__ import annotations

import itertools
import re

_WORDS = frozenset({"secret", "secrets", "password", "passwd", "token", "credential", "credentials", "apikey"})
_PAIRS = frozenset((word, "key") for word in ("access", "account", "api", "private", "secret"))
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])|[0-9]+")


def is_secret(name: str) -> bool:
    """Whether a setting of that name holds a secret."""
    words = [word.lower() for word in _WORD.findall(name)]
    return not _WORDS.isdisjoint(words) or not _PAIRS.isdisjoint(itertools.pairwise(words))
