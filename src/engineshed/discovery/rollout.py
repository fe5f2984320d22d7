"""When a release last wrote its Service: what people call its last rollout.

Read off the API server's own notes of who wrote which field (`managedFields`), so that neither another right nor a time
in a chart is needed. Whoever owns the annotation with the release's revision wrote it then. Where the notes are left
out, nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engineshed.discovery import marks


def rolled_out(metadata: Mapping[str, Any]) -> str:
    """The time as RFC 3339 in UTC; empty where it is not known."""
    notes = metadata.get("managedFields")
    times = [str(note.get("time")) for note in notes if _wrote_revision(note)] if isinstance(notes, list) else []
    return max(filter(_is_time, times), default="")


def seconds_of(time: str) -> float:
    """Seconds since 1970. Raises ValueError on what is no time."""
    return datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()


def _wrote_revision(note: object) -> bool:
    fields: object = note.get("fieldsV1") if isinstance(note, Mapping) else None
    for part in ("f:metadata", "f:annotations", f"f:{marks.REVISION}"):
        fields = fields.get(part) if isinstance(fields, Mapping) else None
    return fields is not None


def _is_time(text: str) -> bool:
    try:
        return text.endswith("Z") and seconds_of(text) > 0
    except (ValueError, OverflowError):
        return False
