"""What a run's folder says of it, in the words of the model.

| folder | state |
|---|---|
| exit.json | final, see the table of failures |
| lock held, no started.json | STARTING |
| lock held, started.json | RUNNING |
| lock free, started.json, no exit.json | FAILED, `supervisor_died` (what is left of the run is killed first) |
| lock free, cancel, nothing else | CANCELLED before it began |
| lock free, request.json alone | never started: there is no launch |

| end | state | class, reason |
|---|---|---|
| exit code 0 | SUCCEEDED | |
| by our cancel | CANCELLED | |
| time limit | FAILED | user code, `timeout` |
| SIGKILL or exit code 137, not by us | FAILED | platform, `out_of_memory` when the kernel counted one, else `killed` |
| SIGTERM, SIGINT or SIGHUP, not by us, to driver or supervisor | FAILED | platform, `terminated` |
| another signal | FAILED | user code, `signal` |
| another exit code | FAILED | user code, `exit_code` |
| the program cannot be started | FAILED | configuration, `cannot_start` |
| supervisor gone | FAILED | platform, `supervisor_died` |
"""

from __future__ import annotations

import signal
from datetime import datetime

from engineshed.model.failure import Failure, FailureClass
from engineshed.model.status import State, Status
from engineshed.processes import leftovers
from engineshed.processes.folder import Cause, Exit, RunFolder
from engineshed.processes.logs import last_lines

_DETAIL_LINES = 40
_STATES = {Cause.CANCELLED: State.CANCELLED}


def ended(folder: RunFolder) -> Exit | None:
    """How the run ended, also when its supervisor could not write it down any more; None while it lives or never began.

    A run whose supervisor is dead has no living process when this returns.
    """
    # In this order: a start is written under the lock, an exit before it is released.
    start = folder.start()
    if folder.held():
        return folder.exit()
    end = folder.exit()
    if end:
        return end
    if start:
        leftovers.end_all(folder.path.name)
        ended_at = max(folder.last_sign_of_life(), start.started_at)
        return Exit(cause=Cause.SUPERVISOR_DIED, started_at=start.started_at, ended_at=ended_at)
    if folder.cancel_asked() and folder.request_text() is not None:
        return Exit(cause=Cause.CANCELLED, ended_at=folder.submitted_at())
    return None


def observe(folder: RunFolder, *, now: datetime) -> Status | None:
    """One observation; None when there is no launch (no folder, or never started)."""
    end = ended(folder)
    if end:
        return _final(folder, end, now)
    start = folder.start()
    if start:
        return Status(state=State.RUNNING, native="running", observed_at=now, started_at=start.started_at)
    if folder.held():
        return Status(state=State.STARTING, native="starting", observed_at=now)
    return None


def _final(folder: RunFolder, end: Exit, now: datetime) -> Status:
    failure = failure_of(end, folder)
    return Status(
        state=_STATES.get(end.cause, State.FAILED if failure else State.SUCCEEDED),
        native=_native(end),
        observed_at=now,
        started_at=end.started_at,
        ended_at=end.ended_at,
        failure=failure,
    )


def failure_of(end: Exit, folder: RunFolder) -> Failure | None:
    """Class, reason, message and the last lines of standard error; None for success and for cancellation."""
    known = _why(end, folder)
    if known is None:
        return None
    failure_class, reason, message = known
    return Failure(failure_class, reason, message, last_lines(folder.stderr, _DETAIL_LINES))


def _why(end: Exit, folder: RunFolder) -> tuple[FailureClass, str, str] | None:
    match end:
        case Exit(cause=Cause.CANCELLED) | Exit(cause=Cause.EXITED, exit_code=0):
            return None
        case Exit(cause=Cause.TIMEOUT):
            return FailureClass.USER_CODE, "timeout", "The driver ran longer than the job's timeout_s and was ended."
        case Exit(cause=Cause.CANNOT_START):
            fact = f"The driver could not be started: {end.error}. Look at the engine's setting `python`."
            return FailureClass.CONFIGURATION, "cannot_start", fact
        case Exit(cause=Cause.SUPERVISOR_DIED):
            fact = "The run's supervisor died (a reboot, or a kill from outside); what was left of the run was ended."
            return FailureClass.PLATFORM, "supervisor_died", fact
        case Exit(cause=Cause.TERMINATED) | Exit(signal=signal.SIGTERM | signal.SIGINT | signal.SIGHUP):
            fact = "The run was told to end from outside (a shutdown of this machine, or a signal sent by hand)."
            return FailureClass.PLATFORM, "terminated", fact
        case Exit(signal=signal.SIGKILL) | Exit(exit_code=137):
            return _killed(end)
        case Exit(signal=int(number)):
            return FailureClass.USER_CODE, "signal", f"The driver was ended by {signal.Signals(number).name}."
        case _:
            fact = f"The driver ended with exit code {end.exit_code}; its standard error is {folder.stderr}."
            return FailureClass.USER_CODE, "exit_code", fact + _memory_hint(end)


def _killed(end: Exit) -> tuple[FailureClass, str, str]:
    if end.oom_kills:
        fact = "The kernel killed the driver for want of memory: lower what the job holds at once, or raise the memory."
        return FailureClass.PLATFORM, "out_of_memory", fact
    fact = "The driver was killed from outside (SIGKILL). Where memory is short the kernel does that: see its log."
    return FailureClass.PLATFORM, "killed", fact


def _memory_hint(end: Exit) -> str:
    if not end.oom_kills:
        return ""
    return f" Meanwhile the kernel killed {end.oom_kills} process(es) here for want of memory."


def _native(end: Exit) -> str:
    if end.cause is not Cause.EXITED:
        return end.cause.value
    return f"signal {end.signal}" if end.signal else f"exit {end.exit_code}"
