"""What this code location offers to Dagster."""

from __future__ import annotations

import dagster as dg

from company_registry.assets import LOCATION_FILE, seeds
from engineshed import Engineshed

defs = dg.Definitions(assets=[seeds], resources={"engineshed": Engineshed(location_file=LOCATION_FILE)})
