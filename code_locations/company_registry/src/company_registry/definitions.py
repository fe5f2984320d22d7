"""What this code location offers to Dagster."""

from __future__ import annotations

import dagster as dg

defs = dg.Definitions()
