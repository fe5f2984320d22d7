"""What goes wrong, said before: a frozen plan of faults, each with how often and how long."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from engineshed.testing.databricks.refusals import Refusal, denied, throttled, unavailable


class CallTrouble(StrEnum):
    """What can happen to a request.

    THROTTLED 429 · UNAVAILABLE 503 · INTERNAL 500 · EXPIRED 401 for a token that was good · DENIED 403 · HTML 502 of a
    gateway, no JSON · LOST_REPLY done, but the connection ends without an answer · LOST_REQUEST the connection ends
    before anything is done.
    """

    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"
    EXPIRED = "expired"
    DENIED = "denied"
    HTML = "html"
    LOST_REPLY = "lost_reply"
    LOST_REQUEST = "lost_request"


class RunTrouble(StrEnum):
    """What can happen to a task, in the order of its life.

    WORKSPACE_FULL the workspace has too many runs · REQUEST_LIMIT too many clusters are being asked for · NO_CAPACITY
    the cloud has no such instance · NO_SPOT no spot instance, so on-demand ones where the cluster may fall back ·
    INIT_SCRIPT · LIBRARY cannot be installed · NODES_LOST spot workers are taken away and replaced · DRIVER_LOST the
    driver's machine is taken away · CLUSTER_GONE a person ended the cluster · RUN_DELETED the run is unknown from
    then on · ENDS_AS any termination code, when the script would have started.
    """

    WORKSPACE_FULL = "workspace_full"
    REQUEST_LIMIT = "request_limit"
    NO_CAPACITY = "no_capacity"
    NO_SPOT = "no_spot"
    INIT_SCRIPT = "init_script"
    LIBRARY = "library"
    NODES_LOST = "nodes_lost"
    DRIVER_LOST = "driver_lost"
    CLUSTER_GONE = "cluster_gone"
    RUN_DELETED = "run_deleted"
    ENDS_AS = "ends_as"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFault:
    """`trouble` for requests whose `METHOD path` holds the regular expression `on`.

    after: so many such requests pass first. times: so many are hit then; 0 means all of them. lasting_s: and none any
    more so long after the first hit (of the double's clock); 0 means no such limit. retry_after_s: what 429 and 503
    say.
    """

    trouble: CallTrouble
    on: str = ""
    after: int = 0
    times: int = 1
    lasting_s: float = 0.0
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFault:
    """`trouble` for tasks, in the order in which they start.

    after: so many tasks are spared first. times: so many are hit then; 0 means all. at_s: so long after the script's
    start, for what hits a running task. workers: how many NODES_LOST takes. code, message: of ENDS_AS.
    """

    trouble: RunTrouble
    after: int = 0
    times: int = 1
    at_s: float = 0.0
    workers: int = 1
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """The whole plan. log_push_s: the delivery of driver logs takes so long instead of the pace's own time."""

    calls: tuple[CallFault, ...] = ()
    runs: tuple[RunFault, ...] = ()
    log_push_s: float | None = None


@dataclass(slots=True)
class Mischief:
    """Counts what the plan has done so far."""

    plan: Faults = field(default_factory=Faults)
    _passed: dict[int, int] = field(default_factory=dict)
    _first_hit: dict[int, datetime] = field(default_factory=dict)
    _tasks: int = 0

    def of_call(self, name: str, now: datetime) -> CallFault | None:
        """What happens to the request `METHOD path`."""
        hits = [
            self._hit(number, fault, now) for number, fault in enumerate(self.plan.calls) if re.search(fault.on, name)
        ]
        return next((fault for fault in hits if fault is not None), None)

    def _hit(self, number: int, fault: CallFault, now: datetime) -> CallFault | None:
        seen = self._passed.get(number, 0)
        self._passed[number] = seen + 1
        if seen < fault.after or (fault.times and seen >= fault.after + fault.times):
            return None
        first = self._first_hit.setdefault(number, now)
        over = fault.lasting_s and now - first >= timedelta(seconds=fault.lasting_s)
        return None if over else fault

    def of_task(self) -> tuple[RunFault, ...]:
        """What happens to the next task that starts."""
        number, self._tasks = self._tasks, self._tasks + 1
        return tuple(f for f in self.plan.runs if f.after <= number and (not f.times or number < f.after + f.times))


def refusal(fault: CallFault) -> Refusal | None:
    """The answer that the fault stands for; None for a connection that ends."""
    after = fault.retry_after_s
    answers = {
        CallTrouble.THROTTLED: throttled(1 if after is None else after),
        CallTrouble.UNAVAILABLE: unavailable(after),
        CallTrouble.INTERNAL: Refusal(500, "INTERNAL_ERROR", "An internal error occurred."),
        CallTrouble.EXPIRED: expired(),
        CallTrouble.DENIED: denied("User double@example.com does not have the permission to do this."),
        CallTrouble.HTML: Refusal(502, "", "<html><head><title>502 Bad Gateway</title></head></html>"),
    }
    return answers.get(fault.trouble)


def expired() -> Refusal:
    """A token that is no longer good."""
    return Refusal(401, "UNAUTHENTICATED", "Request to get authentication credentials failed: the token has expired.")
