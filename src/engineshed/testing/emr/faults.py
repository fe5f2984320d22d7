"""What goes wrong, said before: a frozen plan of faults, each with whom it hits, how often and how long."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from engineshed.testing.emr.refusals import Refusal, denied, expired, internal, throttled, unavailable


class CallTrouble(StrEnum):
    """What can happen to a request.

    THROTTLED 400 ThrottlingException · INTERNAL 500 · UNAVAILABLE 503 · EXPIRED 400 ExpiredTokenException · DENIED
    400 AccessDeniedException · LOST_REPLY done, but the connection ends without an answer · LOST_REQUEST the
    connection ends before anything is done.
    """

    THROTTLED = "throttled"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    EXPIRED = "expired"
    DENIED = "denied"
    LOST_REPLY = "lost_reply"
    LOST_REQUEST = "lost_request"


class ClusterTrouble(StrEnum):
    """What can happen to a cluster, in the order of its life.

    NO_CAPACITY EC2 has no machine of `types` in `market` (all where empty) · VALIDATION the account's limits or the
    network forbid it, found while starting · INTERNAL EMR breaks · BOOTSTRAP a bootstrap action fails · SPOT_LOSS
    `count` spot machines are taken away · MASTER_LOST the master node dies · ENDED_BY_PERSON someone terminates it ·
    FORGOTTEN its id is unknown from then on.
    """

    NO_CAPACITY = "no_capacity"
    VALIDATION = "validation"
    INTERNAL = "internal"
    BOOTSTRAP = "bootstrap"
    SPOT_LOSS = "spot_loss"
    MASTER_LOST = "master_lost"
    ENDED_BY_PERSON = "ended_by_person"
    FORGOTTEN = "forgotten"


class StepTrouble(StrEnum):
    """What can happen to a step.

    FAILS it ends with `exit_code`, whatever it did · STUCK it never ends by itself · DEAF it does not hear
    SEND_INTERRUPT.
    """

    FAILS = "fails"
    STUCK = "stuck"
    DEAF = "deaf"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFault:
    """`trouble` for requests whose operation's name holds the regular expression `on`.

    after: so many such requests pass first. times: so many are hit then; 0 means all of them. lasting_s: and none any
    more so long after the first hit (of the double's clock); 0 means no such limit. boto3 repeats most of these calls
    by itself: each repetition counts.
    """

    trouble: CallTrouble
    on: str = ""
    after: int = 0
    times: int = 1
    lasting_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFault:
    """`trouble` for clusters, in the order of their RunJobFlow.

    after: so many clusters are spared first. times: so many are hit then; 0 means all. at_s: so long after the
    request, for NO_CAPACITY, INTERNAL, VALIDATION, ENDED_BY_PERSON, FORGOTTEN; after the start of the first step, for
    SPOT_LOSS and MASTER_LOST. lasting_s: how long NO_CAPACITY lasts; 0 for ever. count: machines that SPOT_LOSS
    takes; 0 all. breaks_step: whether the running steps fail of the loss. message: instead of EMR's
    own. detail: the code of its ErrorDetails.
    """

    trouble: ClusterTrouble
    after: int = 0
    times: int = 1
    at_s: float = 0.0
    lasting_s: float = 0.0
    market: str = ""
    types: tuple[str, ...] = ()
    count: int = 1
    breaks_step: bool = False
    message: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFault:
    """`trouble` for steps, in the order in which they start; after and times as of the other faults."""

    trouble: StepTrouble
    after: int = 0
    times: int = 1
    exit_code: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """The whole plan. log_push_s: the delivery of logs takes so long instead of the pace's own time."""

    calls: tuple[CallFault, ...] = ()
    clusters: tuple[ClusterFault, ...] = ()
    steps: tuple[StepFault, ...] = ()
    log_push_s: float | None = None


@dataclass(slots=True)
class Mischief:
    """Counts what the plan has done so far."""

    plan: Faults = field(default_factory=Faults)
    _seen: dict[int, int] = field(default_factory=dict)
    _first_hit: dict[int, datetime] = field(default_factory=dict)
    _clusters: int = 0
    _steps: int = 0

    def plan_anew(self, plan: Faults) -> None:
        """Another plan, and nothing counted yet."""
        self.plan, self._clusters, self._steps = plan, 0, 0
        self._seen.clear()
        self._first_hit.clear()

    def of_call(self, operation: str, now: datetime) -> CallFault | None:
        """What happens to this request."""
        matching = [(n, fault) for n, fault in enumerate(self.plan.calls) if re.search(fault.on, operation)]
        hits = [fault for number, fault in matching if self._hits(number, fault, now)]
        return hits[0] if hits else None

    def _hits(self, number: int, fault: CallFault, now: datetime) -> bool:
        seen = self._seen.get(number, 0)
        self._seen[number] = seen + 1
        if not _in_turn(seen, fault.after, fault.times):
            return False
        first = self._first_hit.setdefault(number, now)
        return not fault.lasting_s or now - first < timedelta(seconds=fault.lasting_s)

    def of_cluster(self) -> tuple[ClusterFault, ...]:
        """What happens to the next cluster."""
        number, self._clusters = self._clusters, self._clusters + 1
        return tuple(fault for fault in self.plan.clusters if _in_turn(number, fault.after, fault.times))

    def of_step(self) -> tuple[StepFault, ...]:
        """What happens to the next step that starts."""
        number, self._steps = self._steps, self._steps + 1
        return tuple(fault for fault in self.plan.steps if _in_turn(number, fault.after, fault.times))


def _in_turn(number: int, after: int, times: int) -> bool:
    return after <= number and (not times or number < after + times)


def refusal(trouble: CallTrouble, operation: str) -> Refusal | None:
    """The answer that the trouble stands for; None for a connection that ends."""
    answers = {
        CallTrouble.THROTTLED: throttled(),
        CallTrouble.INTERNAL: internal(operation),
        CallTrouble.UNAVAILABLE: unavailable(),
        CallTrouble.EXPIRED: expired(),
        CallTrouble.DENIED: denied(operation),
    }
    return answers.get(trouble)
