"""What this code location offers to Dagster."""

from __future__ import annotations

import dagster as dg

from company_registry.assets import LOCATION_FILE, OWNERS, TEAM, seeds
from engineshed import Engineshed, cost_report

defs = dg.Definitions.merge(
    dg.Definitions(assets=[seeds], resources={"engineshed": Engineshed(location_file=LOCATION_FILE)}),
    cost_report("company_registry", team=TEAM, owners=OWNERS),
)
