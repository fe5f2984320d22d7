"""What a settlement says in figures: the data of its fact, of which counters are made. Pure."""

from __future__ import annotations

from typing import Any

from engineshed.model.attempt import Attempt, Settlement
from engineshed.running.transcript import Transcript

_VOLUMES = ("input_bytes", "shuffle_bytes", "spill_bytes")


def settled_data(attempt: Attempt, settlement: Settlement, transcript: Transcript | None) -> dict[str, Any]:
    """Outcome, cost by part against the forecast, hours, volumes, messages. What is not known is left out."""
    data: dict[str, Any] = {
        "outcome": str(settlement.outcome),
        "forecast_usd": float(attempt.intent.reserved_usd),
    }
    if settlement.failure is not None:
        data |= {"class": str(settlement.failure.failure_class), "reason": settlement.failure.reason}
    cost = settlement.cost
    if cost is not None:
        data["cost"] = {
            "compute_usd": str(cost.compute_usd),
            "storage_usd": str(cost.storage_usd),
            "surcharge_usd": str(cost.surcharge_usd),
            "basis": str(cost.basis),
        }
    if settlement.usage is not None:
        data["hours"] = settlement.usage.hours
        data |= {name: settlement.usage.measures[name] for name in _VOLUMES if name in settlement.usage.measures}
    if transcript is not None:
        data |= {name: transcript.progress[name] for name in _VOLUMES if name in transcript.progress}
        data |= {
            "messages": transcript.messages,
            "duplicates": transcript.duplicates,
            "lost": max(0, transcript.last_sequence - transcript.messages - transcript.damaged),
            "damaged": transcript.damaged,
            "latencies_s": transcript.latencies_s,
        }
    return data
