"""The cluster's own Prometheus, asked by its HTTP API as Grafana asks it."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any


class Prometheus:
    """Prometheus at an address. While it does not answer, it knows nothing."""

    def __init__(self, url: str) -> None:
        self._url = url

    def series(self, expression: str) -> dict[Mapping[str, str], float]:
        """Value of each series of an instant query, by its labels."""
        found = self._ask("query", query=expression).get("result", [])
        return {_Labels(one["metric"]): float(one["value"][1]) for one in found}

    def value(self, expression: str) -> float | None:
        """The one value of an instant query; None where it has no series."""
        values = list(self.series(expression).values())
        assert len(values) <= 1, f"{expression}: {len(values)} series"
        return values[0] if values else None

    def _ask(self, what: str, **parameters: str) -> dict[str, Any]:
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self._url}/api/v1/{what}?{query}", timeout=10) as reply:
                data: dict[str, Any] = json.load(reply)["data"]
        except urllib.error.HTTPError as refused:
            if refused.code < 500:  # A query that is wrong stays wrong.
                raise AssertionError(f"{what} {parameters}: {refused.read().decode()}") from refused
            return {}
        except (OSError, ValueError):
            return {}
        return data


class _Labels(dict[str, str]):
    """Labels as the key of a mapping."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))
