"""Dagster's own clients of EMR and Databricks beside engineshed: prints a table, one line per experiment.

    .venv/bin/python -m benchmarks.clients [EXPERIMENT ...]

Both get the same script and the same fate, each in an account of its own on the double, which really runs the script.
"""

from __future__ import annotations

import argparse
from importlib.metadata import version

from benchmarks.clients.experiments import EXPERIMENTS, Experiment, run
from benchmarks.clients.platforms import Outcome


def told(experiment: Experiment, outcome: Outcome) -> str:
    """An outcome in a cell."""
    made = f"{outcome.materialisations} materialisation{'' if outcome.materialisations == 1 else 's'}"
    thing = "cluster" if experiment.platform == "EMR" else "run"
    asked = f"{outcome.submitted} {thing}{'' if outcome.submitted == 1 else 's'}"
    left = f", {outcome.left} still running" if outcome.left else ""
    found = "" if outcome.found else ", not found by the Dagster run's id"
    return f"{outcome.status}, {made}; {outcome.heard} of {experiment.said} messages; {asked}{left}{found}"


def main() -> None:
    """Print the table, line by line as they come."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", nargs="*", help=", ".join(EXPERIMENTS))
    wanted = parser.parse_args().experiments or list(EXPERIMENTS)
    if unknown := set(wanted) - set(EXPERIMENTS):
        parser.error(f"no such experiment: {', '.join(sorted(unknown))}")
    print("| platform | what happens | Dagster's client | engineshed |\n|---|---|---|---|")
    for name in wanted:
        experiment = EXPERIMENTS[name]
        theirs, ours = (told(experiment, run(name, ours=side)) for side in (False, True))
        print(f"| {experiment.platform} | {experiment.what} | {theirs} | {ours} |", flush=True)
    versions = ", ".join(f"{name} {version(name)}" for name in ("dagster", "dagster-aws"))
    print(f"\n{versions}; dagster-databricks as in databricks.lock")


if __name__ == "__main__":
    main()
