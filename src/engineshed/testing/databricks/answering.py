"""What stands between the socket and the handlers: faults, tokens, time, refusals, and the double's own mistakes."""

from __future__ import annotations

from dataclasses import dataclass

from engineshed.testing.databricks.api import all_routes
from engineshed.testing.databricks.faults import CallFault, CallTrouble, refusal
from engineshed.testing.databricks.platform import Platform
from engineshed.testing.databricks.refusals import Refusal
from engineshed.testing.databricks.routing import Answer, Call, Router, answer
from engineshed.testing.databricks.serving import ReplyLost
from engineshed.testing.databricks.shapes import ShapeWrong


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that came in and the status that went out; 0 for a connection that ended without an answer."""

    method: str
    path: str
    status: int


class Answering:
    """Answers every request; one at a time, as the workspace is one state.

    ticked: somebody calls `tick` again and again; otherwise each request lets happen what is due.
    """

    def __init__(self, platform: Platform, *, ticked: bool = False) -> None:
        self._platform, self._ticked = platform, ticked
        self._router = Router(all_routes(platform))
        self._mistakes: list[Exception] = []
        self.asked: list[Asked] = []

    def respond(self, call: Call) -> Answer:
        """The answer. Raises ReplyLost."""
        with self._platform.lock:
            try:
                said = self._said(call)
            except ReplyLost:
                self.asked.append(Asked(call.method, call.path, 0))
                raise
            self.asked.append(Asked(call.method, call.path, said.status))
            return said

    def _said(self, call: Call) -> Answer:
        try:
            if not self._ticked:
                self._platform.advance()
            fault = self._platform.mischief.of_call(f"{call.method} {call.path}", self._platform.agenda.now)
            self._before(fault)
            said = self._answer(call)
        except Refusal as no:
            return _refused(no)
        except ReplyLost:
            raise
        except Exception as mistake:  # noqa: BLE001 - reported by raise_mistakes, and to the caller as what it is
            self._mistakes.append(mistake)
            return _refused(Refusal(500, "DOUBLE_WRONG", f"{type(mistake).__name__}: {mistake}"))
        if fault is not None and fault.trouble is CallTrouble.LOST_REPLY:
            raise ReplyLost
        return said

    def tick(self) -> None:
        """Let everything happen that is due; what goes wrong with that is a mistake of the double."""
        try:
            self._platform.advance()
        except Exception as mistake:  # noqa: BLE001 - reported by raise_mistakes
            self._mistakes.append(mistake)

    def _before(self, fault: CallFault | None) -> None:
        if fault is None or fault.trouble is CallTrouble.LOST_REPLY:
            return
        no = refusal(fault)
        raise ReplyLost if no is None else no

    def _answer(self, call: Call) -> Answer:
        route, call = self._router.find(call)
        if not route.open:
            self._platform.tokens.check(call.headers.get("authorization", ""), self._platform.agenda.now)
        return answer(route, call)

    def raise_mistakes(self) -> None:
        """Raises the double's own mistakes, so that no test passes over them."""
        if self._mistakes:
            raise ShapeWrong(
                f"the double made {len(self._mistakes)} mistakes, first: {self._mistakes[0]!r}"
            ) from self._mistakes[0]


def _refused(no: Refusal) -> Answer:
    headers = {} if no.retry_after_s is None else {"Retry-After": str(no.retry_after_s)}
    if not no.error_code:
        return Answer(no.message.encode(), no.status, {**headers, "Content-Type": "text/html"})
    return Answer(no.body(), no.status, headers)
