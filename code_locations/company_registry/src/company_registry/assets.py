"""The registry of companies, published for whoever wants seeds. Plain Python: not everything needs Spark."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.csv as csv
from pyarrow import DataType, Table, string

from engineshed import Engineshed, publish_tables

LOCATION_FILE = str(Path(__file__).with_name("location.yaml"))
TEAM = "company-registry"
OWNERS = ["company-registry@example.org"]
SEEDS_FILE = Path(__file__).with_name("seeds.csv")
COLUMNS = ("organisation", "url", "sector", "country")


class RegistryInvalid(Exception):
    """The registry file cannot be published as it is."""


def read_seeds(path: Path) -> Table:
    """The registry as it is, dirt included: cleaning is the consumer's business. All columns are text.

    Raises RegistryInvalid naming file and columns.
    """
    types: dict[str, DataType] = dict.fromkeys(COLUMNS, string())
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    table = csv.read_csv(path, convert_options=options)
    missing = [column for column in COLUMNS if column not in table.column_names]
    if missing:
        raise RegistryInvalid(
            f"{path.name} lacks the columns {', '.join(missing)}; it has {', '.join(table.column_names)}. "
            f"Write a header with {','.join(COLUMNS)}."
        )
    return table.select(list(COLUMNS))


@dg.asset(
    key=["company_registry", "seeds"],
    owners=[f"team:{TEAM}", *OWNERS],
    tags={"team": TEAM},
    group_name="company_registry",
    kinds={"csv"},
    description="Organisations with their public websites: the seed list of every research query.",
    check_specs=[
        dg.AssetCheckSpec(
            "seeds_has_rows", asset=["company_registry", "seeds"], description="seeds has rows", blocking=True
        )
    ],
)
def seeds(
    context: dg.AssetExecutionContext, engineshed: Engineshed
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Publish seeds.csv; one without rows is refused, and what was published before stays."""
    table = read_seeds(SEEDS_FILE)
    check = dg.AssetCheckResult(
        check_name="seeds_has_rows", passed=table.num_rows > 0, metadata={"rows": table.num_rows}
    )
    if not check.passed:
        yield check
        raise RegistryInvalid(f"{SEEDS_FILE.name} has no row below its header: add one.")
    digest = hashlib.sha256(SEEDS_FILE.read_bytes()).hexdigest()
    inputs = [{"uri": SEEDS_FILE.name, "size": SEEDS_FILE.stat().st_size, "etag": digest}]
    result = publish_tables(context, engineshed, {"seeds": table}, provenance={"inputs": inputs})
    yield result._replace(check_results=[check])
