"""The API server itself reads every object, in a namespace that enforces "restricted". Nothing is kept."""

from __future__ import annotations

import shutil
import subprocess
import uuid

import pytest
import yaml

pytestmark = pytest.mark.needs_cluster


@pytest.fixture(scope="module")
def kubectl():
    """kubectl(arguments, input) -> what the program did."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("no kubectl on PATH")
    return lambda *words, given=None: subprocess.run(
        [program, *words], input=given, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def namespace(kubectl):
    """A namespace of this test's own that enforces, and warns of, "restricted"."""
    name = f"try-charts-{uuid.uuid4().hex[:8]}"
    levels = [f"pod-security.kubernetes.io/{how}=restricted" for how in ("enforce", "warn")]
    assert kubectl("create", "namespace", name).returncode == 0
    assert kubectl("label", "namespace", name, *levels).returncode == 0
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize(
    ("chart", "file"),
    [("platform", "values-kind.yaml"), ("platform", "values-production.yaml"), ("dev-services", "values.yaml")],
)
def test_the_server_accepts_every_object(render, kubectl, namespace, chart, file):
    release = render(
        chart, {"prices": {"enabled": True}} if chart == "platform" else {}, files=(file,), namespace=namespace
    )
    done = kubectl(
        *("apply", "--dry-run=server", "--validate=strict", "--namespace", namespace, "--filename", "-"),
        given=yaml.safe_dump_all(release.objects),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(release.objects)
