"""The real API server that KUBECONFIG names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.integration.kubernetes.spaces import Cluster

from engineshed.discovery.kubernetes_api import KubernetesApi


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster(KubernetesApi.open())
    yield made
    made.clean()
