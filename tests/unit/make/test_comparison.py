"""The page of comparison is what its command would write, and its claims are computed from the figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from make.comparison import CLAIMS, COLUMNS, FIGURES, PAGE, PAPER, means, render


def _judged(rows: list[dict[str, str]]) -> dict[str, tuple[str, bool]]:
    return {claim.text: claim.judge(means(rows)) for claim in CLAIMS}


def _paper() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(PAPER.read_text(encoding="utf-8"))))


def _changed(change: Callable[[dict[str, str]], None]) -> list[dict[str, str]]:
    rows = _paper()
    for row in rows:
        change(row)
    return rows


def test_the_page_is_what_its_command_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(FIGURES.read_text(encoding="utf-8"))


def test_what_follows_from_the_papers_rows() -> None:
    judged = _judged(_paper())
    follows = {text for text, (_, yes) in judged.items() if yes}
    assert follows == {
        "The mix costs 40 % less than Databricks alone",
        "It saves more than 300 dollars a run",
        "No engine alone is as cheap as a mix of both",
        "Databricks is the faster engine",
        "`edges` decides: 95 % of every bill",
    }
    said, _ = judged[
        "The paper's mix (EMR, EMR, Databricks, EMR) is worth its price: no other is both cheaper and as fast"
    ]
    assert said.startswith("emr, emr, databricks, databricks costs $1.38 less")


def test_claims_follow_the_figures() -> None:
    def dear_emr(row: dict[str, str]) -> None:
        if row["engine"] == "emr":
            row["cost_usd"] = str(float(row["cost_usd"]) * 3)

    def slow_databricks(row: dict[str, str]) -> None:
        if (row["engine"], row["step"]) == ("databricks", "graph"):
            row["hours"] = "5"

    judged = _judged(_changed(dear_emr))
    assert not judged["The mix costs 40 % less than Databricks alone"][1]
    assert not judged["It saves more than 300 dollars a run"][1]
    assert _judged(_changed(slow_databricks))["Databricks is the faster engine"] == ("not on graph", False)


def test_simulated_rows_are_marked_and_a_busy_machine_is_said() -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for engine in ("local", "emr", "databricks"):
        for step in ("nodes_only", "edges", "graph", "graph_aggr"):
            parts = dict.fromkeys(("cost_usd", "compute_usd", "storage_usd", "surcharge_usd"), "0.01")
            row = {"step": step, "engine": engine, "offer": "one", "hours": "0.01", "basis": "metered", **parts}
            writer.writerow({**row, "load": "0.9"})
    page = render(out.getvalue())
    measured = page.partition("## Measured here")[2].partition("## The paper")[0]
    rows = [line for line in measured.splitlines() if line.startswith("| ") and "| hours |" not in line]
    assert len(rows) == 12
    assert all(("*simulated*" in line) != ("local" in line) for line in rows)
    assert "was busy" not in page
    assert "was busy" in render(out.getvalue().replace(",0.9", ",3.0"))
