"""How far facts were counted and to what, on disk: a restart goes on there instead of counting years anew.

It is a shortcut, never a source: what does not fit the ledger (restored from a backup, another one, another version of
the table of metrics) is left aside, and all is counted again from the first fact, to the same numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engineshed.ports.ledger import Ledger
from engineshed.telemetry.counting import Counting, LiveAttempt
from engineshed.telemetry.metrics import METRICS
from engineshed.telemetry.series import Key, SeriesSet


@dataclass(frozen=True, slots=True)
class Counted:
    """How far facts were counted: `identity` is that of the fact at `position`. `shown`: the series that Prometheus was
    told with their value; None at a new start.
    """

    counting: Counting
    position: int = 0
    identity: str = ""
    shown: Iterable[Key] | None = None


def table_digest() -> str:
    """Changes with the table of metrics."""
    return hashlib.sha256(json.dumps([asdict(metric) for metric in METRICS], default=str).encode()).hexdigest()


def save(path: Path, counted: Counted) -> None:
    """Write it whole or not at all."""
    counting = counted.counting
    plain = {
        "table": table_digest(),
        "position": counted.position,
        "identity": counted.identity,
        "shown": list(counted.shown or ()),
        "series": counting.series.to_json(),
        "live": {token: asdict(one) for token, one in counting.live.items()},
        "teams": counting.teams,
        "over": list(counting.over),
    }
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(plain, default=_iso), encoding="utf-8")
    draft.replace(path)


def load(path: Path, ledger: Ledger) -> Counted:
    """What to go on from; a new start where there is nothing that fits."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        position, identity = int(plain["position"]), str(plain["identity"])
        if plain["table"] != table_digest() or not _fits(ledger, position, identity):
            return Counted(Counting())
        counting = Counting(SeriesSet.from_json(plain["series"]))
        counting.live = {token: _live(one) for token, one in plain["live"].items()}
        counting.teams = dict(plain["teams"])
        counting.over = dict.fromkeys(plain["over"])
        shown = [(str(name), tuple(values)) for name, values in plain["shown"]]
        return Counted(counting, position, identity, shown)
    except (OSError, ValueError, KeyError, TypeError):
        return Counted(Counting())


def _fits(ledger: Ledger, position: int, identity: str) -> bool:
    found = ledger.facts(after=position - 1, limit=1)
    return bool(found) and found[0][0] == position and found[0][1].identity == identity


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} does not go into a checkpoint")


def _live(plain: dict[str, Any]) -> LiveAttempt:
    times = {name: plain[name] and datetime.fromisoformat(plain[name]) for name in ("since", "intended_at", "heard_at")}
    return LiveAttempt(**{**plain, **times})
