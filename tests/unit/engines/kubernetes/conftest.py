"""Objects as the API server shows them, cut down to what is read."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def job() -> Callable[..., dict[str, Any]]:
    def make(*conditions: dict[str, str], suspend: bool = False, **annotations: str) -> dict[str, Any]:
        return {
            "metadata": {
                "name": "es-1",
                "creationTimestamp": "2026-05-01T11:50:00Z",
                "annotations": {f"engineshed.dev/{name.replace('_', '-')}": text for name, text in annotations.items()},
            },
            "spec": {"suspend": suspend},
            "status": {
                "startTime": "2026-05-01T11:50:00Z",
                "conditions": [
                    {"status": "True", "lastTransitionTime": "2026-05-01T11:59:00Z", **condition}
                    for condition in conditions
                ],
            },
        }

    return make


@pytest.fixture
def pod() -> Callable[..., dict[str, Any]]:
    def make(
        phase: str = "Running",
        *,
        name: str = "es-1-a",
        role: str = "spark-driver",
        conditions: tuple[dict[str, str], ...] = (),
        created: str = "2026-05-01T11:50:00Z",
        cpu: str = "500m",
        memory: str = "1Gi",
        labels: dict[str, str] | None = None,
        state: dict[str, Any] | None = None,
        **status: Any,
    ) -> dict[str, Any]:
        return {
            "metadata": {
                "name": name,
                "creationTimestamp": created,
                "labels": {"engineshed.dev/role": role, **(labels or {})},
            },
            "spec": {"containers": [{"name": "driver", "resources": {"requests": {"cpu": cpu, "memory": memory}}}]},
            "status": {
                "phase": phase,
                "startTime": created,
                "conditions": list(conditions),
                "containerStatuses": [{"state": state}] if state else [],
                **status,
            },
        }

    return make
