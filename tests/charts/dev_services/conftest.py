"""The services as a local cluster gets them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="session")
def services(render: Callable[..., Any]) -> Callable[..., Any]:
    """services(values) -> the release `dev-services`."""
    return lambda values=None: render("dev-services", values, release="dev-services")


@pytest.fixture(scope="session")
def defaults(services: Callable[..., Any]) -> Any:
    """The release without any values."""
    return services()


@pytest.fixture(scope="session")
def platform(render: Callable[..., Any]) -> Any:
    """The platform that is to stand on it."""
    return render("platform", files=("values-kind.yaml",))
