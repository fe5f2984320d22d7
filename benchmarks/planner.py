"""What a plan takes: one asset with a long history, and a run's steps with deadline and budget.

    .venv/bin/python benchmarks/planner.py [--rounds N]

CPU time of the pure planner; neither ledger nor price list is read. Bars: 50 ms for one asset with 10,000 past runs on
40 offers (5 ms are aimed for); the search over the steps of a run within the same.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from engineshed.model.failure import FailureClass
from engineshed.model.history import PastRun
from engineshed.model.job import Mode, SparkJob
from engineshed.model.money import Rates
from engineshed.model.offer import Offer
from engineshed.model.resources import Resources
from engineshed.planning.dag import Choice, Step, best
from engineshed.planning.planner import plan

BAR_MS = 50.0
NOW = datetime(2026, 11, 27, tzinfo=UTC)
JOB = SparkJob(name="edges", script="edges.py", expected_input_bytes=10**12)


def offers(count: int) -> list[Offer]:
    """On five engines, of many sizes."""
    return [
        Offer(
            engine=f"engine-{n % 5}",
            name=f"{n}x machine",
            resources=Resources(executors=1 + n, executor_cores=4),
            rates=Rates(compute_usd_per_hour=Decimal(1 + n) / 3, source="here"),
            cold_start_s=60.0 * (n % 5),
            spot=n % 2 == 0,
        )
        for n in range(count)
    ]


def history(of: list[Offer], count: int) -> list[PastRun]:
    """One attempt in ten failed."""
    draws = random.Random(1)
    return [
        PastRun(
            job="edges",
            engine=offer.engine,
            offer=offer.name,
            mode=Mode.FULL,
            hours=draws.lognormvariate(0, 0.4),
            cost_usd=Decimal(1),
            ended_at=NOW,
            failure_class=FailureClass.SPOT_LOSS if draws.random() < 0.1 else None,
            input_bytes=draws.randrange(10**11, 10**12),
        )
        for offer in (draws.choice(of) for _ in range(count))
    ]


def steps(count: int) -> list[Step]:
    """A chain, each step with five ways of which none beats another."""
    ways = [Choice(engine=f"e{k}", cost_usd=Decimal(100 - 17 * k), hours=1.0 + k * 0.7) for k in range(5)]
    return [Step(name=f"s{n}", choices=tuple(ways), after=(f"s{n - 1}",) if n else ()) for n in range(count)]


def milliseconds(act: Callable[[], object], rounds: int) -> list[float]:
    """CPU time of each round."""
    found = []
    for _ in range(rounds):
        before = time.process_time()
        act()
        found.append((time.process_time() - before) * 1000)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    of = offers(40)
    past, chain = history(of, 10_000), steps(8)
    cases: dict[str, Callable[[], object]] = {
        "one asset, 40 offers, 10,000 past runs": lambda: plan(JOB, of, history=past),
        "8 steps of 5 ways, deadline and budget": lambda: best(chain, deadline_hours=22.0, budget_usd=Decimal(600)),
    }
    slow = []
    for name, act in cases.items():
        found = milliseconds(act, rounds)
        middle = statistics.median(found)
        print(f"{name}: {middle:.1f} ms (rounds {', '.join(f'{ms:.1f}' for ms in found)})")
        slow += [name] if middle > BAR_MS else []
    if slow:
        sys.exit(f"over {BAR_MS:g} ms: {'; '.join(slow)}")


if __name__ == "__main__":
    main()
