"""Names, labels and places that the engine's parts share. By the labels it finds, bills and ends its runs."""

from __future__ import annotations

from engineshed.engines.kubernetes.settings import DOMAIN

TOKEN = f"{DOMAIN}/token"
ROLE = f"{DOMAIN}/role"
TEAM = f"{DOMAIN}/team"
NODE_CLASS = f"{DOMAIN}/node-class"

REQUEST = f"{DOMAIN}/request"
"""Digest of the request that was submitted under this token."""
CANCELLED = f"{DOMAIN}/cancelled-at"
GIVEN_UP = f"{DOMAIN}/given-up"
"""JSON of the Failure for which the engine itself ended a run that could not start."""
METERED = f"{DOMAIN}/metered"
"""JSON of what was metered of pods, some of which are gone."""

DRIVER, EXECUTOR = "spark-driver", "spark-executor"
DRIVER_CONTAINER, EXECUTOR_CONTAINER = "driver", "executor"

SCRATCH = "/scratch"
ATTACHMENTS = "/etc/engineshed/attachments"
"""Where the run's ConfigMap is mounted."""

DRIVER_PORT, BLOCK_PORT, UI_PORT = 7078, 7079, 4040
"""Fixed, so that a NetworkPolicy can name them."""

EXECUTORS_METRICS_PATH, DRIVER_METRICS_PATH = "/metrics/executors/prometheus", "/metrics/prometheus"
"""At the driver's web port: what driver and executors do, and what is inside the driver."""
