"""Which settings hold secrets, and that none of them stands there in plain text.

Told by the words of the name, since values cannot tell; a reference to a secret scope, `{{secrets/scope/key}}`, is what
they must hold, because clusters alone resolve it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\{\{secrets/[^/{}]+/[^/{}]+\}\}")
_WORDS = frozenset({"secret", "secrets", "password", "passwd", "token", "credential", "credentials", "apikey"})
_PAIRS = frozenset((word, "key") for word in ("access", "account", "api", "private", "secret"))
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])|[0-9]+")


def is_secret(name: str) -> bool:
    """Whether a setting of that name holds a secret."""
    words = [word.lower() for word in _WORD.findall(name)]
    return not _WORDS.isdisjoint(words) or not _PAIRS.isdisjoint(itertools.pairwise(words))


def refuse_plain(values: Mapping[str, str]) -> Mapping[str, str]:
    """The values themselves. Raises ValueError naming what would hold a secret in plain text, never the secret."""
    plain = [name for name, value in values.items() if is_secret(name) and not _REFERENCE.fullmatch(str(value))]
    if plain:
        raise ValueError(
            f"{', '.join(plain)} would hold a secret in plain text: keep it in a secret scope and write "
            "{{secrets/SCOPE/KEY}}"
        )
    return values


def referring(values: Mapping[str, str]) -> list[str]:
    """Names of those whose values refer to a secret."""
    return [name for name, value in values.items() if _REFERENCE.search(str(value))]
