"""One release `alpha` of charts/code-location, with the least that it needs and whatever a test adds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
LEAST = yaml.safe_load((ROOT / "charts" / "code-location" / "ci" / "minimal-values.yaml").read_text())


@pytest.fixture(scope="session")
def alpha(render):
    """alpha(values, files=..) -> the rendered release `alpha` in namespace `team-alpha`."""

    def rendered(values: Mapping[str, Any] | None = None, **how: Any) -> Any:
        given = {**LEAST, **(values or {})}
        return render("code-location", given, release="alpha", namespace="team-alpha", **how)

    return rendered


@pytest.fixture(scope="session")
def charts():
    """The folder of the charts."""
    return ROOT / "charts"


@pytest.fixture(scope="session")
def showcase(render):
    """showcase(location) -> the release of a location of this repository, from its own values.yaml."""

    def rendered(location: str) -> Any:
        values = yaml.safe_load((ROOT / "code_locations" / location / "values.yaml").read_text())
        name = location.replace("_", "-")
        return render("code-location", values, release=name, namespace=f"team-{name}")

    return rendered


EVERYTHING = {
    "global": {"imageRegistry": "registry.example.org/team", "imagePullSecrets": ["pull"]},
    "objectStore": {"existingSecret": "object-store"},
    "runs": {"labels": {"cost-centre": "7"}, "nodeSelector": {"pool": "runs"}, "priorityClassName": "high"},
}


@pytest.fixture(scope="session")
def everything(alpha):
    """The release with every optional part switched on."""
    return alpha(EVERYTHING)
