"""The platform's chart as a local cluster installs it, rendered once, and whatever a test asks for on top."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(scope="session")
def platform(render: Callable[..., Any]) -> Callable[..., Any]:
    """platform(values) -> the release of values-kind.yaml with `values` laid over."""
    return lambda values=None, **more: render("platform", values, files=("values-kind.yaml",), **more)


@pytest.fixture(scope="session")
def kind(platform: Callable[..., Any]) -> Any:
    """The release of values-kind.yaml."""
    return platform()


@pytest.fixture(scope="session")
def production(render: Callable[..., Any]) -> Any:
    """The release of values-production.yaml."""
    return render("platform", files=("values-production.yaml",))


@pytest.fixture(scope="session")
def values_kind() -> dict[str, Any]:
    """values-kind.yaml itself."""
    text = (Path(__file__).parents[3] / "charts/platform/values-kind.yaml").read_text()
    values: dict[str, Any] = yaml.safe_load(text)
    return values
