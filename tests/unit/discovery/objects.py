"""Kubernetes objects as the API server gives them, and a hostile hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def namespace(name: str, team: str, **annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": name, "labels": {"engineshed.dev/team": team}, "annotations": annotations}
    }


def service(
    space: str,
    name: str,
    location: str,
    *,
    created: str = "2026-01-01T00:00:00Z",
    annotations: Mapping[str, str] | None = None,
    spec: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    marks = {"engineshed.dev/service-account": name, "engineshed.dev/image": "team/app:1"}
    return {
        "metadata": {
            "name": name,
            "namespace": space,
            "uid": f"{space}/{name}",
            "creationTimestamp": created,
            "labels": {"engineshed.dev/code-location": location},
            "annotations": {**marks, **(annotations or {})},
        },
        "spec": spec or {"type": "ClusterIP", "clusterIP": "10.0.0.7", "ports": [{"name": "grpc", "port": 4000}]},
    }


def endpoint_slice(space: str, of: str, ready: bool | None = True) -> dict[str, Any]:
    return {
        "metadata": {"name": f"{of}-x", "namespace": space, "labels": {"kubernetes.io/service-name": of}},
        "endpoints": [{"addresses": ["10.1.1.1"], "conditions": {"ready": ready}}],
    }
