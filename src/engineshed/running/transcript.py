"""What a driver has said, folded as it arrives. Memory is flat: log lines pass through, only what the step returns
is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engineshed.model.message import PROGRESS_KEY, REPORT_KEY, SEAL_KEY, Message
from engineshed.running.result import Reported

SENT_AT = "sent_at"
"""In progress: when the driver said it, in seconds since 1970 by its own clock. For the latency, for nobody to read."""

_CUSTOM_KEPT = 1000
_LATENCIES_KEPT = 1000


@dataclass(slots=True)
class Transcript:
    """Folds messages; the order of calls is the order of sequence numbers."""

    opened: bool = False
    closed: bool = False
    exception: Mapping[str, Any] | None = None
    sealed: bool = False
    messages: int = 0
    duplicates: int = 0
    damaged: int = 0
    last_sequence: int = 0
    progress: dict[str, Any] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    _every: int = 1
    _heard: int = 0
    _report: dict[str, Any] = field(default_factory=dict)
    _runtime: dict[str, Any] = field(default_factory=dict)
    _materializations: dict[str, dict[str, Any]] = field(default_factory=dict)
    _checks: list[Mapping[str, Any]] = field(default_factory=list)
    _custom: list[Any] = field(default_factory=list)

    def take(self, message: Message) -> bool:
        """Fold one message; False when its sequence number was taken before (a duplicate)."""
        if message.sequence <= self.last_sequence:
            self.duplicates += 1
            return False
        self.last_sequence = message.sequence
        self.messages += 1
        params = message.params
        if message.method == "opened":
            self.opened = True
        elif message.method == "closed":
            self.closed = True
            self.exception = (params or {}).get("exception")
        elif message.method == "report_asset_materialization":
            known = self._materializations.setdefault(str(params.get("asset_key")), {"metadata": {}})
            known["metadata"].update(params.get("metadata") or {})
            if params.get("data_version") is not None:
                known["data_version"] = params["data_version"]
        elif message.method == "report_asset_check":
            self._checks.append(dict(params))
        elif message.method == "report_custom_message":
            self._take_custom(params.get("payload"))
        return True

    def _take_custom(self, payload: Any) -> None:
        if isinstance(payload, Mapping) and PROGRESS_KEY in payload:
            kept = {name: value for name, value in self.progress.items() if name != "note"}
            said = {name: value for name, value in payload[PROGRESS_KEY].items() if name != SENT_AT}
            self.progress = {**kept, **said}
        elif isinstance(payload, Mapping) and REPORT_KEY in payload:
            self._report.update(payload[REPORT_KEY])
        elif isinstance(payload, Mapping) and SEAL_KEY in payload:
            self.sealed = True
            self._runtime.update(payload[SEAL_KEY].get("runtime") or {})
        elif len(self._custom) < _CUSTOM_KEPT:
            self._custom.append(payload)

    def heard(self, message: Message, now_s: float) -> None:
        """Note how long a heartbeat took to be handed on; of very many every second, then every fourth and so on."""
        sent_s = sent_at_s(message)
        if sent_s is None:
            return
        self._heard += 1
        if self._heard % self._every == 0:
            self.latencies_s.append(round(now_s - sent_s, 3))
        if len(self.latencies_s) > _LATENCIES_KEPT:
            self.latencies_s = self.latencies_s[::2]
            self._every *= 2

    @property
    def reported(self) -> Reported:
        """All that the step returns of it."""
        return Reported(
            report=dict(self._report),
            materializations={k: dict(v) for k, v in self._materializations.items()},
            checks=tuple(self._checks),
            custom=tuple(self._custom),
            runtime=dict(self._runtime),
        )

    @property
    def exception_text(self) -> str:
        """The driver's exception as a traceback, its causes first; empty when it closed without one."""
        return _traceback(self.exception) if self.exception else ""

    @property
    def exception_messages(self) -> tuple[str, ...]:
        """What the driver's exception says, and what each of its causes does; the outermost first."""
        said, inner = [], self.exception
        while inner:
            said.append(str(inner.get("message") or ""))
            inner = inner.get("cause") or inner.get("context")
        return tuple(said)


def sent_at_s(message: Message) -> float | None:
    """When the driver sent a heartbeat; None for other messages."""
    payload = message.params.get("payload") if message.method == "report_custom_message" else None
    progress = payload.get(PROGRESS_KEY) if isinstance(payload, Mapping) else None
    said = progress.get(SENT_AT) if isinstance(progress, Mapping) else None
    return float(said) if isinstance(said, int | float) else None


def _traceback(exception: Mapping[str, Any]) -> str:
    cause = exception.get("cause") or exception.get("context")
    before = f"{_traceback(cause)}\nwhich led to:\n" if cause else ""
    stack = "".join(exception.get("stack") or ())
    return f"{before}{stack}{exception.get('name') or 'Error'}: {exception.get('message') or ''}".rstrip()
