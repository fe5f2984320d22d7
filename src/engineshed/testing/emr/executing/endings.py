"""What EMR makes of a step's end: the exit code, and what it finds in the step's logs when it has failed."""

from __future__ import annotations

import re
from pathlib import Path

from engineshed.testing.emr.hands import StepEnd
from engineshed.testing.emr.records import Step

_TAIL_BYTES = 65_536
_SAYS_WHY = re.compile(r"(Exception|Error)\b.*[:\s]")


def step_end(code: int, logs: Path, step: Step) -> StepEnd:
    """With the last line of stderr that names an exception as the message, as EMR's root-cause search gives it."""
    code = 128 - code if code < 0 else code
    if code == 0:
        return StepEnd(exit_code=0)
    lines = _tail(logs / "stderr").splitlines()
    said = next((line.strip() for line in reversed(lines) if _SAYS_WHY.search(line)), "")
    asked = str(step.cluster.request.get("LogUri") or "").rstrip("/")
    file = f"{asked}/{step.cluster.id}/steps/{step.id}/stderr.gz" if asked else ""
    return StepEnd(exit_code=code, message=said, log_file=file)


def _tail(path: Path) -> str:
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return log.read().decode(errors="replace")
