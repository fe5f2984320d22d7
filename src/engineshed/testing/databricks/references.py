"""Dynamic values in a task's parameters, `{{job.run_id}}` and the like. What is no reference stays as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_REFERENCE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


def filled(parameters: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The parameters with the references that `values` know replaced."""
    return [_REFERENCE.sub(lambda match: values.get(match[1], match[0]), text) for text in parameters]
