"""Counts a team's runs twice: from Dagster's event log, and from what the exporter says to Prometheus."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..pages import Materialisation, Pages
from .conftest import ASSETS
from .prometheus import Prometheus

_OURS = 'team="web-graph", code_location="web_graph", engine="kubernetes"'
_TOKEN = re.compile(r"Submitted to kubernetes .* token (es-\w+)")


@dataclass(frozen=True, slots=True)
class Counts:
    """Launches that the platform took, those that succeeded, and the messages of the latter."""

    submitted: int
    succeeded: int
    messages: int

    def __sub__(self, before: Counts) -> Counts:
        return Counts(
            self.submitted - before.submitted, self.succeeded - before.succeeded, self.messages - before.messages
        )


def in_the_event_log(pages: Pages) -> Counts:
    """Each launch once, however many runs took it up."""
    made = [one for asset in ASSETS for one in pages.materialisations(asset)]
    by_token: dict[str, Materialisation] = {one.metadata["engineshed/token"]: one for one in made}
    lines = [line for run in pages.runs() for line in pages.messages(run["runId"])]
    return Counts(
        submitted=len({found[1] for line in lines if (found := _TOKEN.search(line))}),
        succeeded=len(by_token),
        messages=sum(int(one.metadata["engineshed/messages"]) for one in by_token.values()),
    )


def in_prometheus(prometheus: Prometheus) -> Counts:
    """As the counters are now. `messages` are those of all launches, whatever became of them."""

    def total(name: str, also: str = "") -> int:
        # As the boards do: an exporter that is gone is still there for Prometheus for a while, beside its successor.
        return round(prometheus.value(f"sum(max without (instance, pod) ({name}{{{_OURS}{also}}}))") or 0)

    return Counts(
        submitted=total("engineshed_attempts_submitted_total"),
        succeeded=total("engineshed_attempts_total", ', outcome="succeeded"'),
        messages=total("engineshed_messages_total"),
    )
