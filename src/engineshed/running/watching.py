"""Watches a live launch: the platform's state and the driver's messages together, until both have ended.

A poll error is counted and tried again, never an end by itself. The run's own state is read every few seconds,
because a signal may never come; a user's cancel ends the foreign run, an evicted worker leaves it for its successor.
"""

from __future__ import annotations

from dataclasses import dataclass

from engineshed.model.attempt import Attempt
from engineshed.model.errors import EngineError, EngineshedError, LaunchLost, StateUnknown
from engineshed.model.fact import FactKind
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.launch import Launch
from engineshed.model.status import State, Status
from engineshed.ports.engine import Engine, LogChunk
from engineshed.ports.step import Step
from engineshed.running.leasing import LeaseKeeper, leave_when_over
from engineshed.running.listening import Listener
from engineshed.running.recording import record
from engineshed.running.shed import Shed
from engineshed.running.transcript import Transcript

LOST_AFTER = 3
"""How often in a row a platform must deny a run before it counts as lost: lists lag behind submits."""

_SILENCE_S = 1.0
"""After such a silence the driver of a run that has ended, but for a success, has said all."""

_LOG_CHUNKS = 16
"""Of the driver's output copied between two looks at its messages: a mebibyte."""

_LOG_QUIET_S = 30.0
"""Output that is delivered late counts as whole after such a silence: it comes in one go."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a watch ended. `timed_out`: the job's own time limit ended it."""

    status: Status
    transcript: Transcript
    timed_out: bool


class Watch:
    """One watcher of one launch."""

    def __init__(self, step: Step, attempt: Attempt, shed: Shed, keeper: LeaseKeeper, timeout_s: float | None) -> None:
        assert attempt.launch is not None, "a watch needs a launch"
        self._step, self._intent, self._shed, self._keeper = step, attempt.intent, shed, keeper
        self._launch: Launch = attempt.launch
        self._engine: Engine = shed.engines[attempt.intent.engine]
        self._listener = Listener(step, attempt, shed, keeper)
        self._transcript = self._listener.transcript
        self._timeout_s = timeout_s
        self._log_cursor = ""
        self._log_characters = 0
        self._status: Status | None = None
        self._lost = 0
        self._due: dict[str, float] = {}
        self._busy_s = 0.0
        self._over_limit = self._timed_out = False
        self._shown: dict[str, object] = {}

    def run(self) -> Ended:
        """Watch to the end. Raises LeaseLost, RunCancelled, AccessDenied; interrupts pass through."""
        final_since: float | None = None
        while True:
            self._keeper.keep()
            if self._is_due("run_state", self._shed.cadence.run_state_s):
                leave_when_over(self._step, self._shed)
            if self._status is None or not self._status.state.final:
                self._observe()
            moved = self._listener.listen()
            self._show_progress()
            self._copy_log(_LOG_CHUNKS)
            if self._status is not None and self._status.state.final and not moved:
                now_s = self._shed.clock.monotonic_s()
                final_since = now_s if final_since is None or self._stayed_away() else final_since
                if self._drained(now_s - final_since):
                    return self._ended(self._status)
            elif moved:
                final_since = None
                continue
            self._shed.clock.sleep(self._shed.cadence.messages_s)

    def hear_the_rest(self) -> None:
        """What the driver still said before its cancelled run ended: until `closed`, or a second of silence.

        A transport in trouble is said, and left alone: nobody waits for a run that is cancelled.
        """
        listener = self._listener.resumed()
        start_s = heard_s = self._shed.clock.monotonic_s()
        try:
            while not listener.transcript.closed:
                now_s = self._shed.clock.monotonic_s()
                heard_s = now_s if listener.listen() else heard_s
                if now_s - heard_s >= _SILENCE_S or now_s - start_s >= self._shed.cadence.drain_s:
                    return
                self._shed.clock.sleep(self._shed.cadence.messages_s)
        except EngineshedError as error:
            self._step.warning(f"What the driver said last could not be read: {error}")

    def _stayed_away(self) -> bool:
        """Whether the messages' transport does not answer, and may yet: what was said may still lie there."""
        return 0.0 < self._listener.away_s < self._shed.cadence.away_s

    def _drained(self, trailing_s: float) -> bool:
        assert self._status is not None
        if self._transcript.closed or not self._transcript.opened:
            patience_s = 0.0 if self._transcript.closed else min(_SILENCE_S, self._shed.cadence.drain_s)
        else:
            patience_s = self._shed.cadence.drain_s if self._status.state is State.SUCCEEDED else _SILENCE_S
        return trailing_s >= patience_s

    def _ended(self, status: Status) -> Ended:
        self._due.pop("log", None)
        while self._copy_log(_LOG_CHUNKS):
            self._keeper.keep()
        self._await_log(status)
        self._show_progress(last=True)
        return Ended(status, self._transcript, self._timed_out)

    def _observe(self) -> None:
        every_s = self._engine.capabilities.look_s if self._transcript.closed else self._look_s()
        if not self._is_due("status", max(every_s, self._busy_s)):
            return
        before = self._status.state if self._status else None
        try:
            self._status = self._engine.status(self._launch)
            self._lost, self._busy_s = 0, 0.0
        except LaunchLost as error:
            self._lost += 1
            if self._lost >= LOST_AFTER:
                self._status = self._lost_status(error)
        except StateUnknown:
            raise
        except EngineError as error:
            self._tolerate(error)
            return
        if self._status is not None and self._status.state is not before:
            self._state_changed(self._status)
        self._enforce_timeout()

    def _look_s(self) -> float:
        return max(self._shed.cadence.status_s, self._engine.capabilities.look_s)

    def _state_changed(self, status: Status) -> None:
        self._step.info(f"{self._intent.engine} run {self._launch.native_id} is {status.state} ({status.native}).")
        record(self._shed, self._intent, FactKind.STATE, nth=str(status.state), data={"native": status.native})

    def _tolerate(self, error: EngineError) -> None:
        if self._busy_s == 0.0:
            self._step.warning(f"Could not ask {self._intent.engine} for the state, will go on asking: {error}")
        self._busy_s = min(max(self._busy_s * 2, 1.0), self._shed.cadence.busy_s)
        record(self._shed, self._intent, FactKind.POLL_FAILED, nth=self._shed.clock.now().isoformat())

    def _lost_status(self, error: LaunchLost) -> Status:
        failure = Failure(FailureClass.PLATFORM, "launch_lost", str(error))
        return Status(state=State.FAILED, native="lost", observed_at=self._shed.clock.now(), failure=failure)

    def _enforce_timeout(self) -> None:
        """Cancel a run that is over its limit, again and again until it has ended: no platform keeps every promise."""
        ran_s = (self._shed.clock.now() - self._launch.submitted_at).total_seconds()
        if self._timeout_s is None or ran_s <= self._timeout_s or (self._status and self._status.state.final):
            return
        if not self._is_due("cancel", self._shed.cadence.busy_s):
            return
        if not self._over_limit:
            self._step.warning(f"The job's time limit of {self._timeout_s:g} s is over: cancelling it.")
            self._over_limit = True
        try:
            self._engine.cancel(self._launch)
        except EngineError as error:
            self._step.warning(f"{self._intent.engine} did not take the cancel, will go on asking: {error}")
            return
        self._timed_out = True
        record(self._shed, self._intent, FactKind.CANCEL_ASKED, nth="timeout")

    def _show_progress(self, *, last: bool = False) -> None:
        progress = self._transcript.progress
        if not progress or progress == self._shown:
            return
        if last or self._is_due("progress", self._shed.cadence.progress_s):
            self._shown = dict(progress)
            self._step.progress(progress)
            record(self._shed, self._intent, FactKind.PROGRESS, nth=str(self._transcript.last_sequence), data=progress)

    def _copy_log(self, chunks: int) -> bool:
        """The next pieces of the driver's output, at most so many; False when that is all there is now."""
        now_s = self._shed.clock.monotonic_s()
        if not self._engine.capabilities.logs or now_s < self._due.get("log", now_s):
            return False
        for _ in range(chunks):
            try:
                chunk = self._engine.logs(self._launch, self._log_cursor)
            except EngineError:
                chunk = LogChunk("", self._log_cursor)
            self._log_cursor = chunk.cursor
            if not chunk.text:
                # Each look is a request to the platform.
                self._due["log"] = now_s + self._look_s()
                return False
            self._step.stream(chunk.text)
            self._log_characters += len(chunk.text)
        return True

    def _await_log(self, status: Status) -> None:
        """What a failed driver printed last, where the platform delivers it later and nothing else says why it failed.

        Not where another offer is tried at once.
        """
        late_s = self._engine.capabilities.logs_late_s if self._engine.capabilities.logs else 0.0
        failed = status.state is State.FAILED and self._transcript.exception is None
        if not late_s or not failed or (status.failure and status.failure.failure_class.tries_next_offer):
            return
        self._step.info(f"Waiting for the driver's output, which {self._intent.engine} delivers within {late_s:g} s.")
        start_s = self._shed.clock.monotonic_s()
        before, came_s = self._log_characters, start_s + late_s
        while self._shed.clock.monotonic_s() < min(start_s + late_s, came_s + _LOG_QUIET_S):
            self._copy_log(_LOG_CHUNKS)
            if self._log_characters > before:
                before, came_s = self._log_characters, self._shed.clock.monotonic_s()
            self._keeper.keep()
            if self._is_due("run_state", self._shed.cadence.run_state_s):
                leave_when_over(self._step, self._shed)
            self._shed.clock.sleep(self._shed.cadence.status_s)

    def _is_due(self, what: str, every_s: float) -> bool:
        now_s = self._shed.clock.monotonic_s()
        if now_s < self._due.get(what, now_s):
            return False
        self._due[what] = now_s + every_s
        return True
