"""The whole double: an account of EMR behind HTTP, its neighbours, its clock, and the books that tests read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any

from engineshed.ports.clock import Clock
from engineshed.testing.clock import VirtualClock
from engineshed.testing.emr import billing, wire
from engineshed.testing.emr.account import Account, Call
from engineshed.testing.emr.faults import Faults
from engineshed.testing.emr.hands import Hands
from engineshed.testing.emr.neighbours import REGION, Neighbours, client
from engineshed.testing.emr.pace import Pace
from engineshed.testing.emr.records import Cluster
from engineshed.testing.emr.refusals import Refusal, internal
from engineshed.testing.emr.scripted import Script, ScriptedHands
from engineshed.testing.emr.serving import Server

ScriptOf = Callable[[str, tuple[str, ...]], Script]
_MINUTE, _USUAL, _NO_FAULTS = Script(), Pace(), Faults()


class EmrDouble:
    """See `engineshed.testing.emr`. Use it as a context manager, or `close` it.

    clock: a VirtualClock, which the one who simulates moves. script: what steps do, or a function of a step's name and
    arguments. pace: delays, multiplied by time_scale. neighbours: moto's server, to share one among doubles.
    """

    def __init__(
        self,
        *,
        clock: VirtualClock | None = None,
        script: Script | ScriptOf = _MINUTE,
        pace: Pace = _USUAL,
        time_scale: float = 1.0,
        faults: Faults = _NO_FAULTS,
        neighbours: Neighbours | None = None,
        region: str = REGION,
        page_size: int = 50,
        log_scheme: str = "s3n",
        seed: int = 0,
    ) -> None:
        self.clock: Clock = clock or VirtualClock()
        self.neighbours = neighbours
        self._script_of: ScriptOf = script if callable(script) else lambda name, args: script
        self._bugs: list[wire.AnswerInvalid] = []
        self.account = Account(
            clock=self.clock,
            pace=pace.scaled(time_scale),
            make_hands=self._hands,
            region=region,
            page_size=page_size,
            log_scheme=log_scheme,
            seed=seed,
            faults=faults,
        )
        if isinstance(self.clock, VirtualClock):
            self.clock.on_sleep = self.account.advance
        self._server: Server | None = None
        self._starting = threading.Lock()

    def _hands(self, account: Account) -> Hands:
        return ScriptedHands(account.agenda, account.pace, self._script_of)

    @property
    def endpoint_url(self) -> str:
        """For boto3's `endpoint_url` or AWS_ENDPOINT_URL_EMR; the server starts when it is asked for."""
        with self._starting:
            if self._server is None:
                self._server = Server(self._respond)
            return self._server.url

    def client(self) -> Any:
        """A boto3 client of this EMR."""
        return client("emr", self.endpoint_url, self.account.region)

    def _respond(self, operation: str, body: bytes) -> tuple[int, bytes]:
        try:
            return 200, wire.write(self.account.call(operation, wire.read(operation, body)))
        except Refusal as no:
            return no.status, wire.write(no.body())
        except wire.AnswerInvalid as bug:
            self._bugs.append(bug)
            return 500, wire.write(internal(operation).body())

    @property
    def calls(self) -> list[Call]:
        """Every request that arrived, in order."""
        return list(self.account.calls)

    @property
    def submissions(self) -> list[billing.SubmittedCluster]:
        """Every cluster that was asked for, with its steps, in order."""
        with self.account.lock:
            return billing.submitted(self._clusters())

    @property
    def bills(self) -> list[billing.BilledInstance]:
        """Every machine and its time."""
        with self.account.lock:
            self.account.advance()
            return billing.billed(self._clusters())

    def billing_now(self) -> list[billing.BilledInstance]:
        """What is still being billed."""
        return [instance for instance in self.bills if instance.end is None]

    def cost(self, prices: billing.Prices) -> billing.Bill:
        """What all of it costs until now. Raises KeyError for a machine without a price."""
        return billing.bill(self.bills, prices, self.now)

    @property
    def now(self) -> datetime:
        """The double's own time."""
        return self.clock.now()

    def cluster(self, cluster_id: str) -> Cluster:
        """The record of a cluster, forgotten ones too. Raises KeyError."""
        return self.account.machine.clusters[cluster_id]

    def _clusters(self) -> list[Cluster]:
        return list(self.account.machine.clusters.values())

    def close(self) -> None:
        """End everything. Raises AnswerInvalid when the double has tried to say what EMR could not."""
        if self._server is not None:
            self._server.close()
        self.account.hands.close()
        if self._bugs:
            raise self._bugs[0]

    def __enter__(self) -> EmrDouble:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
