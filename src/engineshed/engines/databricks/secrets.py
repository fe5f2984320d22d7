"""No secret stands in plain text: settings that hold one refer to a secret scope, `{{secrets/scope/key}}`.

Clusters alone resolve such a reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from engineshed.processes.secret_names import is_secret

_REFERENCE = re.compile(r"\{\{secrets/[^/{}]+/[^/{}]+\}\}")


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
