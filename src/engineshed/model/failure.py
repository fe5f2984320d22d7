"""Why a run failed, in nine classes: the class alone decides whether the next offer is tried."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FailureClass(StrEnum):
    """Closed set; vendor codes are translated into it once, by each engine's cited table."""

    USER_CODE = "user_code"
    CONFIGURATION = "configuration"
    AUTHORISATION = "authorisation"
    CAPACITY = "capacity"
    SPOT_LOSS = "spot_loss"
    PLATFORM = "platform"
    UNSUPPORTED = "unsupported"
    BUDGET = "budget"
    CANCELLED = "cancelled"

    @property
    def tries_next_offer(self) -> bool:
        """True where another engine or offer may do better; False where repeating cannot help."""
        return self in _TRIES_NEXT_OFFER


_TRIES_NEXT_OFFER = frozenset(
    {FailureClass.CAPACITY, FailureClass.SPOT_LOSS, FailureClass.PLATFORM, FailureClass.UNSUPPORTED}
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known about a bad end.

    `reason` is a short stable code (`driver_exception`, `exit_code`, `out_of_memory`, `supervisor_died`, a vendor's
    code); `message` is for people; `detail` holds the last lines of the log or the driver's traceback.
    """

    failure_class: FailureClass
    reason: str
    message: str
    detail: str = ""
