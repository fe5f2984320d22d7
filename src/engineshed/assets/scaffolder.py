"""`dg scaffold defs engineshed.assets.SparkAssetComponent NAME`: a declaration and a script that run as they are."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

import click
import dagster as dg
import yaml
from pydantic import BaseModel, Field

_PLACES_OF_LOCATION = ("location.yaml", "*/location.yaml", "src/*/location.yaml")
_TEAM_UNKNOWN = "my_team"

DEFS = Template("""\
type: $type_name

# All keys, and what they allow: docs/yaml-assets.md. `engineshed check` says what is wrong, by file and key.
attributes:
  asset: $name # parts of a longer key are joined by /
  team: $team
  description: Numbers and their squares. Say here what a row means.
  # inputs: [other_asset] # upstream Spark assets whose tables the script reads: job.read("other_asset", "table")
  # partitions: {daily: {start: 2026-01-01}}
  # automation: eager
  job:
    script: $name.py # relative to this folder
    tables: [$name]
    settings: {rows: 100000} # for the script: job.settings
    resources: {executors: 1, executor_cores: 1, executor_memory_gib: 1}
    sample: # how a run in mode `sample` differs
      settings: {rows: 100}
  checks:
    - has_rows: {table: $name}
    - unique: {table: $name, columns: [number]}
""")

SCRIPT = Template('''\
"""Makes the table `$name`: numbers and their squares.

Runs on any engine that the asset is planned to, and by hand: python $name.py --out DIR
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import engineshed_driver

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def squares(session: SparkSession, rows: int) -> DataFrame:
    """The first `rows` numbers with their squares."""
    return session.range(rows).selectExpr("id AS number", "id * id AS square")


def main() -> None:
    """Settings come from the launch; by hand from the arguments."""
    parser = argparse.ArgumentParser(description="Numbers and their squares, as Parquet.")
    parser.add_argument("--out", default="out", help="by hand: folder below which the table is written")
    parser.add_argument("--rows", type=int, default=100, help="by hand: how many rows")
    options = parser.parse_args(engineshed_driver.arguments())

    with engineshed_driver.open_job("$name", out=options.out) as job:
        rows = job.settings.get("rows", options.rows)
        written = job.write("$name", squares(job.session, rows))
        job.report({"asked_rows": rows})
    print(json.dumps({"$name": written}))


if __name__ == "__main__":
    main()
''')


class ScaffoldOptions(BaseModel):
    """Options of the command."""

    team: str = Field(default="", description="Owning team; by default the one of the project's location.yaml.")


class SparkAssetScaffolder(dg.Scaffolder[ScaffoldOptions]):
    """Writes defs.yaml and, beside it, the script that it names. An existing script is kept."""

    @classmethod
    def get_scaffold_params(cls) -> type[ScaffoldOptions]:
        """The options of the command."""
        return ScaffoldOptions

    def scaffold(self, request: dg.ScaffoldRequest[ScaffoldOptions]) -> None:
        """Write the files. Refuses the format python, in which `spark_asset` says the same shorter."""
        if request.scaffold_format != "yaml":
            raise click.UsageError(f"{request.type_name} is for YAML: in Python, call engineshed.spark_asset(...).")
        folder = request.target_path.parent if request.append else request.target_path
        name = re.sub(r"[^A-Za-z0-9_]", "_", folder.name).lstrip("_") or "squares"
        words = {
            "name": name,
            "team": request.params.team or _team_of(request.project_root) or _TEAM_UNKNOWN,
            "type_name": request.type_name,
        }
        text = DEFS.substitute(words)
        if request.append:
            with request.target_path.open("a", encoding="utf-8") as file:
                file.write(f"---\n{text}")
        else:
            (folder / "defs.yaml").write_text(text, encoding="utf-8")
        script = folder / f"{name}.py"
        if not script.exists():
            script.write_text(SCRIPT.substitute(words), encoding="utf-8")


def _team_of(project: Path | None) -> str:
    """The team that the project's location.yaml names; empty where there is none."""
    if project is None:
        return ""
    for place in _PLACES_OF_LOCATION:
        for file in sorted(project.glob(place)):
            plain = yaml.safe_load(file.read_text(encoding="utf-8"))
            if isinstance(plain, dict) and isinstance(plain.get("team"), str):
                return str(plain["team"])
    return ""
