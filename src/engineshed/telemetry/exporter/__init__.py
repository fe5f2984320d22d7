"""The one long-lived process that serves /metrics: it counts facts, takes live progress, looks at Dagster's queue."""
