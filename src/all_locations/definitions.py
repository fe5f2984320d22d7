"""One Definitions of all locations. Its resource refuses to run: each asset belongs to its own location's settings."""

from __future__ import annotations

import dagster as dg

from company_registry import definitions as company_registry
from engineshed import Engineshed
from web_graph import definitions as web_graph

LOCATIONS = (company_registry.defs, web_graph.defs)

defs = dg.Definitions(
    assets=[asset for location in LOCATIONS for asset in location.assets or ()],
    jobs=[job for location in LOCATIONS for job in location.jobs or ()],
    schedules=[schedule for location in LOCATIONS for schedule in location.schedules or ()],
    resources={"engineshed": Engineshed(location_file="(none: run assets from their own code location, `make ui`)")},
)
