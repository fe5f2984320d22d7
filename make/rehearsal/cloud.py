"""The platforms of the rehearsal: virtual ones in real time, whose drivers tell how far they are."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from dagster_pipes import decode_param

from engineshed.model.job import SparkJob
from engineshed.model.launch import Launch
from engineshed.model.message import PROGRESS_KEY
from engineshed.model.money import Basis, Cost, Rates
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.model.request import Request
from engineshed.model.usage import Usage
from engineshed.ports.clock import Clock
from engineshed.ports.prices import PriceBook
from engineshed.running.transcript import SENT_AT
from engineshed.testing.platform import Script, VirtualEngine, VirtualPlatform

RATES = {
    # engine: US dollars per hour of compute, storage, surcharge; as of a dozen machines
    "local": (Decimal("0.4"), Decimal(0), Decimal(0)),
    "kubernetes": (Decimal(52), Decimal(3), Decimal(0)),
    "emr": (Decimal(48), Decimal(4), Decimal(12)),
    "databricks": (Decimal(50), Decimal(4), Decimal(38)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a run has read, shuffled and spilled at its end."""

    input_bytes: int
    shuffle_bytes: int
    spill_bytes: int
    stages: int = 6
    tasks: int = 240


class Cloud(VirtualPlatform):
    """One worker's platform. `scripts`: what the next submits do; the last one stays."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.scripts: list[Script] = [Script()]
        self.size = Size(input_bytes=0, shuffle_bytes=0, spill_bytes=0)

    def plan(self, scripts: Sequence[Script], size: Size) -> None:
        """What is to happen next."""
        self.scripts, self.size = list(scripts), size

    def submit(self, request: Request) -> object:  # type: ignore[override]
        """As the next script says."""
        if request.token not in self.runs:
            self.script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        return super().submit(request)

    def advance(self) -> None:
        """A heartbeat of each driver that is at work, then what is due."""
        now = self.clock.now()
        for run in self.runs.values():
            share = min(1.0, (now - run.submitted_at).total_seconds() / run.script.lasts_s)
            if run.said and not run.finished and run.cancelled_at is None:
                self._beat(run.request, share, run.script.rows)
        super().advance()

    def _beat(self, request: Request, share: float, rows: int) -> None:
        size = self.size
        figures: dict[str, float] = {
            "stages_total": size.stages,
            "stages_done": int(size.stages * share),
            "tasks_total": size.tasks,
            "tasks_done": int(size.tasks * share),
            "rows": int(rows * share),
            "input_bytes": int(size.input_bytes * min(1.0, 1.5 * share)),
            "shuffle_bytes": int(size.shuffle_bytes * share),
            "spill_bytes": int(size.spill_bytes * max(0.0, 2 * share - 1)),
            SENT_AT: self.clock.now().timestamp(),
        }
        message = {"method": "report_custom_message", "params": {"payload": {PROGRESS_KEY: figures}}}
        path = Path(decode_param(request.body["env"]["DAGSTER_PIPES_MESSAGES"])["path"])
        with path.open("a") as messages:
            messages.write(json.dumps({"__dagster_pipes_version": "0.1", **message}) + "\n")


class Rented(VirtualEngine):
    """An engine over a Cloud, with its price by parts; bills differ a little from the list."""

    def __init__(self, cloud: Cloud, name: str, chance: random.Random) -> None:
        super().__init__(cloud, name)
        self._rates, self._chance = RATES[name], chance

    def offers(self, job: SparkJob, book: PriceBook) -> Sequence[Offer | Rejection]:
        """One."""
        compute, storage, surcharge = self._rates
        rates = Rates(
            compute_usd_per_hour=compute,
            storage_usd_per_hour=storage,
            surcharge_usd_per_hour=surcharge,
            source="rehearsal",
        )
        return (Offer(engine=self.name, name="one", resources=job.resources, rates=rates),)

    def usage(self, launch: Launch) -> Usage:
        """As the platform says."""
        return super().usage(launch)

    def cost(self, usage: Usage, book: PriceBook) -> Cost:
        """Hours times the rates; what the vendor charges is billed, an own cluster's is metered."""
        hours = Decimal(repr(usage.hours * self._chance.uniform(0.9, 1.3)))
        compute, storage, surcharge = self._rates
        return Cost(
            compute_usd=compute * hours,
            storage_usd=storage * hours,
            surcharge_usd=surcharge * hours,
            basis=Basis.BILLED if self.name == "databricks" else Basis.METERED,
        )
