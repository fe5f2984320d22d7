"""Tells what a run's log says while the run goes on: a demo that is silent for half a minute looks stuck.

One short line a fact: where an asset runs, how far it is, what it published. Everything else stays in Dagster's log.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable

import dagster as dg

_LOOK_S = 0.3
_PLANNED = re.compile(r"Plan for \S+: .*?\((?P<offer>.+?)\) is chosen")
_PROGRESS = re.compile(r"progress: (?P<said>(?!alive).+)")

_SKIPPED = re.compile(r"Dependencies for step \S+ (failed|were not executed)")


class Narrator(threading.Thread):
    """Follows the log of one run. say: receives asset and text."""

    def __init__(self, instance: dg.DagsterInstance, run_id: str, say: Callable[[str, str], None]) -> None:
        super().__init__(daemon=True)
        self._instance, self._run_id, self._say = instance, run_id, say
        self._over = threading.Event()
        self._cursor: str | None = None
        self._rows: dict[str, Counter[str]] = {}
        self._checks: dict[str, Counter[bool]] = {}

    def run(self) -> None:
        """Look several times a second until told to stop."""
        while not self._over.wait(_LOOK_S):
            self._follow()

    def stop(self) -> None:
        """Tell the rest and end."""
        self._over.set()
        self.join()
        self._follow()

    def _follow(self) -> None:
        found = self._instance.get_records_for_run(self._run_id, cursor=self._cursor)
        self._cursor = found.cursor
        for record in found.records:
            entry = record.event_log_entry
            if entry.dagster_event is not None:
                self._tell_event(entry.dagster_event)
            elif entry.step_key:
                self._tell_line(_asset(entry.step_key), int(entry.level), entry.user_message)

    def _tell_line(self, asset: str, level: int, text: str) -> None:
        line = text.splitlines()[0] if text else ""
        planned, progress = _PLANNED.match(line), _PROGRESS.match(line)
        if planned:
            self._say(asset, f"runs on {planned['offer']}")
        elif progress:
            self._say(asset, progress["said"])
        elif level >= logging.WARNING and not _SKIPPED.match(line):
            self._say(asset, f"warning: {line}")

    def _tell_event(self, event: dg.DagsterEvent) -> None:
        asset = _asset(event.step_key or "")
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            rows = self._rows.setdefault(asset, Counter())
            for name, value in event.step_materialization_data.materialization.metadata.items():
                if name.startswith("rows/") and isinstance(value.value, int):
                    rows[name.removeprefix("rows/")] += value.value
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._checks.setdefault(asset, Counter())[event.asset_check_evaluation_data.passed] += 1
        elif event.is_step_success:
            self._say(asset, self._summary(asset))

    def _summary(self, asset: str) -> str:
        checks = self._checks.get(asset, Counter())
        parts = [f"{table} {rows:,}" for table, rows in self._rows.get(asset, Counter()).items()]
        told = f"done, rows: {', '.join(parts)}" if parts else "done"
        return f"{told}; {checks[True]} of {checks.total()} checks passed" if checks else told


def _asset(step_key: str) -> str:
    """The last part of the asset's key, which is what people call it."""
    return step_key.rpartition("__")[2]
