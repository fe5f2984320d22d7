"""The pods carry the version of the password's Secret: a rotation and an upgrade replace them."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.needs_cluster
SECRET = "dev-services-postgresql"


@pytest.fixture
def checksums(would_install, namespace):
    """checksums() -> component -> what its pods would carry."""

    def asked():
        made = would_install("platform", "values-kind.yaml", namespace)
        pods = {one["metadata"]["name"]: one["spec"]["template"] for one in made if one["kind"] == "Deployment"}
        return {name: pods[f"engineshed-{name}"]["metadata"]["annotations"] for name in ("webserver", "daemon")}

    return asked


def test_a_new_password_is_a_new_pod(kubectl, namespace, checksums):
    kubectl("-n", namespace, "create", "secret", "generic", SECRET, "--from-literal=postgresql-password=one")
    before = checksums()
    assert before == checksums()
    kubectl("-n", namespace, "patch", "secret", SECRET, "--patch", '{"stringData": {"postgresql-password": "two"}}')
    after = checksums()
    for name in before:
        assert before[name]["checksum/instance"] == after[name]["checksum/instance"]
        assert before[name]["checksum/database"] != after[name]["checksum/database"]
