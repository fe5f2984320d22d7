"""The API server itself reads every object, in a namespace that enforces "restricted"."""

from __future__ import annotations

import pytest
import yaml

pytestmark = pytest.mark.needs_cluster


@pytest.mark.parametrize(
    ("chart", "file", "values"),
    [
        ("platform", "values-kind.yaml", {"prices": {"enabled": True, "list": "s3://platform/prices.json"}}),
        ("platform", "values-production.yaml", {"ingress": {"enabled": True, "host": "dagster.example"}}),
        ("dev-services", "values.yaml", {"postgresql": {"volumeSize": "1Gi"}}),
    ],
)
def test_the_server_accepts_every_object(render, kubectl, namespace, chart, file, values):
    release = render(chart, values, files=(file,), namespace=namespace)
    said = kubectl(
        *("apply", "--dry-run=server", "--validate=strict", "--namespace", namespace, "--filename", "-"),
        given=yaml.safe_dump_all(release.objects),
    )
    assert len(said.splitlines()) == len(release.objects)
