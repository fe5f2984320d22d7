"""docs/comparison.md as a pure function of two tables: what the showcase cost here, and the paper's twelve rows.

What the paper claims is computed from each of them; a claim that a table cannot decide says why.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "comparison.md"
FIGURES = ROOT / "docs" / "comparison.csv"
PAPER = ROOT / "src" / "engineshed" / "planning" / "data" / "paper.csv"
COLUMNS = (
    "step", "engine", "offer", "hours", "cost_usd", "compute_usd", "storage_usd", "surcharge_usd", "basis", "load",
)  # fmt: skip
EMR, DATABRICKS = "emr", "databricks"
SIMULATED = {EMR: "EMR's double", DATABRICKS: "Databricks' double"}
QUIET = Decimal("1.5")
"""Processes that want each core: the showcase alone makes about one."""

PAPERS_MIX = (EMR, EMR, DATABRICKS, EMR)

Row = Mapping[str, str]


@dataclass(frozen=True)
class Means:
    """Means of a table by step and engine; steps in the order of the table, one after the other.

    runs: dollars and hours of the whole runs in the table, by their engines.
    """

    steps: tuple[str, ...]
    usd: Mapping[tuple[str, str], Decimal]
    hours: Mapping[tuple[str, str], Decimal]
    runs: Mapping[tuple[str, ...], tuple[Decimal, Decimal]]

    def of(self, engines: Sequence[str]) -> tuple[Decimal, Decimal]:
        """Dollars and hours of a plan: one engine a step."""
        ways = list(zip(self.steps, engines, strict=True))
        return sum((self.usd[way] for way in ways), Decimal(0)), sum((self.hours[way] for way in ways), Decimal(0))

    def run(self, engines: Sequence[str]) -> tuple[Decimal, Decimal]:
        """The run that took these engines; where there was none, their means."""
        return self.runs.get(tuple(engines)) or self.of(engines)

    def plans(self) -> list[tuple[str, ...]]:
        """Every way over the two clouds."""
        return list(product((EMR, DATABRICKS), repeat=len(self.steps)))


@dataclass(frozen=True)
class Claim:
    """One of the paper's. judge: what a table says of it, and whether it follows."""

    text: str
    judge: Callable[[Means], tuple[str, bool]]


def means(rows: Sequence[Row]) -> Means:
    """Of the rows of one table."""
    steps = tuple(dict.fromkeys(row["step"] for row in rows))
    usd, hours = {}, {}
    for way in {(row["step"], row["engine"]) for row in rows}:
        own = [row for row in rows if (row["step"], row["engine"]) == way]
        usd[way] = sum((Decimal(row["cost_usd"]) for row in own), Decimal(0)) / len(own)
        hours[way] = sum((Decimal(row["hours"]) for row in own), Decimal(0)) / len(own)
    return Means(steps, usd, hours, _runs(steps, rows))


def _runs(steps: Sequence[str], rows: Sequence[Row]) -> dict[tuple[str, ...], tuple[Decimal, Decimal]]:
    found = {}
    for name in dict.fromkeys(row["run"] for row in rows if "run" in row):
        own = {row["step"]: row for row in rows if row["run"] == name}
        if set(own) == set(steps):
            usd, hours = (sum((Decimal(row[of]) for row in own.values()), Decimal(0)) for of in ("cost_usd", "hours"))
            found[tuple(own[step]["engine"] for step in steps)] = (usd, hours)
    return found


def _cheaper_than_databricks(table: Means) -> tuple[str, bool]:
    mix, _ = table.run(PAPERS_MIX)
    dear, _ = table.run((DATABRICKS,) * len(table.steps))
    saved = 100 * (dear - mix) / dear
    return f"{saved:.1f} % ({_usd(dear)} to {_usd(mix)})", saved >= 40


def _dollars_saved(table: Means) -> tuple[str, bool]:
    mix, _ = table.run(PAPERS_MIX)
    dear, _ = table.run((DATABRICKS,) * len(table.steps))
    return f"{_usd(dear - mix)} a run", dear - mix >= 300


def _faster_than_emr(table: Means) -> tuple[str, bool]:
    _, mix = table.run(PAPERS_MIX)
    _, slow = table.run((EMR,) * len(table.steps))
    less, more = 100 * (slow - mix) / slow, 100 * slow / mix - 100
    return f"{less:.1f} % less time ({_h(slow)} to {_h(mix)}), {more:.1f} % more speed", max(less, more) >= 12


def _cheaper_than_either(table: Means) -> tuple[str, bool]:
    pure = min(table.of((engine,) * len(table.steps))[0] for engine in (EMR, DATABRICKS))
    best = min(table.plans(), key=lambda plan: table.of(plan))
    usd, _ = table.of(best)
    return f"cheapest: {', '.join(best)}, {_usd(usd)}; one engine alone {_usd(pure)}", usd < pure


def _not_dominated(table: Means) -> tuple[str, bool]:
    usd, hours = table.of(PAPERS_MIX)
    beaten = [
        plan for plan in table.plans()
        if plan != PAPERS_MIX and (them := table.of(plan)) != (usd, hours) and them[0] <= usd and them[1] <= hours
    ]  # fmt: skip
    if not beaten:
        return "nothing is cheaper and as fast", True
    least = min(beaten, key=lambda plan: table.of(plan))
    their_usd, their_hours = table.of(least)
    return f"{', '.join(least)} costs {_usd(usd - their_usd)} less and takes {_h(hours - their_hours)} less", False


def _always_faster(table: Means) -> tuple[str, bool]:
    slower = [step for step in table.steps if table.hours[step, DATABRICKS] >= table.hours[step, EMR]]
    return ("on every step" if not slower else f"not on {', '.join(slower)}"), not slower


def _edges_decide(table: Means) -> tuple[str, bool]:
    shares = [100 * table.usd["edges", engine] / table.of((engine,) * 4)[0] for engine in (EMR, DATABRICKS)]
    return f"{min(shares):.1f} % of the bill at least", min(shares) >= 95


CLAIMS = (
    Claim("The mix costs 40 % less than Databricks alone", _cheaper_than_databricks),
    Claim("It saves more than 300 dollars a run", _dollars_saved),
    Claim("It is 12 % faster than EMR alone", _faster_than_emr),
    Claim("No engine alone is as cheap as a mix of both", _cheaper_than_either),
    Claim("The paper's mix (EMR, EMR, Databricks, EMR) is worth its price: no other is both cheaper and as fast",
          _not_dominated),
    Claim("Databricks is the faster engine", _always_faster),
    Claim("`edges` decides: 95 % of every bill", _edges_decide),
)  # fmt: skip


def render(figures: str) -> str:
    """The page from the CSV of what was measured."""
    ours, papers = _read(figures), _read(PAPER.read_text(encoding="utf-8"))
    here, there = means(ours), means(papers)
    lines = [
        "# What the showcase costs where",
        "",
        "`make compare` writes this page: it runs the four assets of one sample partition on each engine, through the",
        "whole route, and reads the ledger. The figures are in [comparison.csv](comparison.csv).",
        "",
        "## Measured here",
        "",
        "| step | engine | where | hours | compute $ | storage $ | surcharge $ | total $ | basis |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_ours(row) for row in ours),
        "",
        *_busy(ours),
        "*Simulated*: the driver really ran, on this machine, behind a double of the cloud service, which bills its",
        "machines by its own clock at list prices of us-east-1. The service's delays are shortened 500-fold, so",
        "these hours and dollars compare what engineshed does with the engines, not the services. An hour of this",
        "machine is priced like the m5.xlarge that the doubles rent. Kubernetes is left out: this command has no",
        "driver images and no exchange that a cluster reaches; `make e2e` runs the showcase there.",
        "",
        "## The paper's twelve rows",
        "",
        "| run | step | engine | hours | compute $ | storage $ | surcharge $ | total $ | basis |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_papers(row) for row in papers),
        "",
        "## What the paper claims, and what follows",
        "",
        "Runs as they are in the table, other plans as means by step and engine, steps one after the other.",
        "`engineshed plan --paper` plans from the same rows.",
        "",
        "| claim | from the paper's rows | follows | from the simulated rows above | follows |",
        "|---|---|---|---|---|",
        *(_claim(claim, there, here) for claim in CLAIMS),
        "",
        "The sample is thousands of times smaller than the paper's crawl; starting an engine is most of what it costs:",
        "a claim that does not follow from it is not refuted for large inputs, and one that follows is not confirmed.",
        "",
    ]
    return "\n".join(lines)


def _read(text: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(text)))


def _busy(rows: Sequence[Row]) -> list[str]:
    """A word on a machine that had other work: its hours are too long."""
    most = max(Decimal(row["load"]) for row in rows)
    if most <= QUIET:
        return []
    return [
        f"**This machine was busy**: up to {most} processes wanted each of its cores while the showcase ran, so these",
        "hours and dollars are too large, and not evenly so. Run `make compare` on a quiet one.",
        "",
    ]


def _ours(row: Row) -> str:
    where = f"*simulated*: {SIMULATED[row['engine']]}" if row["engine"] in SIMULATED else "this machine"
    basis = f"{row['basis']}, *simulated*" if row["engine"] in SIMULATED else row["basis"]
    parts = [f"{Decimal(row[name]):.5f}" for name in ("compute_usd", "storage_usd", "surcharge_usd", "cost_usd")]
    hours, named = f"{Decimal(row['hours']):.5f}", f"{row['engine']} ({row['offer']})"
    return f"| {' | '.join([row['step'], named, where, hours, *parts, basis])} |"


def _papers(row: Row) -> str:
    parts = [row[name] for name in ("hours", "compute_usd", "storage_usd", "surcharge_usd", "cost_usd")]
    return f"| {' | '.join([row['run'], row['step'], row['engine'], *parts, 'published'])} |"


def _claim(claim: Claim, there: Means, here: Means) -> str:
    said, follows = claim.judge(there)
    ours, too = claim.judge(here)
    return f"| {claim.text} | {said} | {_yes(follows)} | {ours} | {_yes(too)} |"


def _yes(follows: bool) -> str:
    return "yes" if follows else "no"


def _usd(amount: Decimal) -> str:
    sign = "-" if amount < 0 else ""
    return f"{sign}${abs(amount):.2f}" if abs(amount) >= 1 else f"{sign}${abs(amount):.5f}"


def _h(hours: Decimal) -> str:
    return f"{hours:.2f} h" if hours >= Decimal("0.1") else f"{hours:.5f} h"
