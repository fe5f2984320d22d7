"""The operations of EMR that the double answers, by name. Each takes the account and the checked parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engineshed.testing.emr.api import catalogue, clusters, instances, policies, steps

Handler = Callable[[Any, dict[str, Any]], dict[str, Any]]

HANDLERS: dict[str, Handler] = {
    **clusters.HANDLERS,
    **steps.HANDLERS,
    **instances.HANDLERS,
    **policies.HANDLERS,
    **catalogue.HANDLERS,
}
