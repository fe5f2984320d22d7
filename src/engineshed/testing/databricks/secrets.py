"""References to secrets, `{{secrets/scope/key}}`, which clusters resolve in their variables and Spark configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\{\{secrets/([^/{}]+)/([^/{}]+)\}\}")


class SecretMissing(Exception):
    """A reference to a secret that is not there."""


def resolved(values: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """The values with their references replaced. secrets: by `scope/key`. Raises SecretMissing."""

    def value(match: re.Match[str]) -> str:
        name = f"{match[1]}/{match[2]}"
        if name not in secrets:
            raise SecretMissing(f"Secret does not exist with scope: {match[1]} and key: {match[2]}")
        return secrets[name]

    return {name: _REFERENCE.sub(value, text) for name, text in values.items()}
