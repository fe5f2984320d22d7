"""What one team cannot do to another or to the platform: by RBAC, by network, by the launcher."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from ..pages import Pages
from .cluster import Cluster, call
from .conftest import PLATFORM

OURS, THEIRS = "team-web-graph", "team-company-registry"
ACCOUNTS = (f"{THEIRS}:company-registry", f"{THEIRS}:company-registry-spark", f"{THEIRS}:company-registry-executor")

PROBE = """
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: {namespace}
  labels: {labels}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  securityContext: {{runAsNonRoot: true, runAsUser: 10001, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
    - name: probe
      image: engineshed/dagster:dev
      imagePullPolicy: IfNotPresent
      command: [sleep, "600"]
      resources: {{requests: {{cpu: 10m, memory: 32Mi}}, limits: {{memory: 128Mi}}}}
      securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}, readOnlyRootFilesystem: true}}
"""

DIAL = """
import socket, sys
host, port = sys.argv[1], int(sys.argv[2])
try:
    socket.create_connection((host, port), timeout=4).close()
    print("open")
except OSError as error:
    print("closed", error)
"""


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("resource", ["secrets", "pods", "jobs.batch", "configmaps", "pods/exec"])
def test_no_account_of_one_team_can_do_anything_in_anothers_namespace(
    locations: Mapping[str, str], cluster: Cluster, account: str, resource: str
) -> None:
    for verb in ("get", "list", "create", "delete"):
        assert not cluster.can(account, OURS, verb, resource)
        assert not cluster.can(account, PLATFORM, verb, resource)


def test_a_team_cannot_read_secrets_at_all_but_by_its_pods(locations: Mapping[str, str], cluster: Cluster) -> None:
    for account in ACCOUNTS:
        assert not cluster.can(account, THEIRS, "list", "secrets")
    assert cluster.can(f"{THEIRS}:company-registry", THEIRS, "create", "jobs.batch")


def test_the_platforms_accounts_cannot_read_the_teams_secrets(locations: Mapping[str, str], cluster: Cluster) -> None:
    for name in ("webserver", "daemon"):
        for verb in ("get", "list"):
            assert not cluster.can(f"{PLATFORM}:engineshed-{name}", OURS, verb, "secrets")
    assert not cluster.can(f"{PLATFORM}:engineshed-provisioner", OURS, "get", "secrets/object-store")


@pytest.fixture(scope="module")
def probes(locations: Mapping[str, str], cluster: Cluster) -> Iterator[None]:
    """Pods to dial from: one as a run of the other team, one as nobody in particular."""
    labels = {"run": "{engineshed.dev/role: run}", "nobody": "{app: nobody}"}
    names = [f"probe-{who}" for who in labels]
    for who, label in labels.items():
        cluster.apply(PROBE.format(name=f"probe-{who}", namespace=THEIRS, labels=label))
    cluster.kubectl(
        "wait", "--namespace", THEIRS, "--for=condition=Ready", "--timeout=60s", *(f"pod/{n}" for n in names)
    )
    yield
    for name in names:
        call("kubectl", "delete", "pod", name, "--namespace", THEIRS, "--grace-period=0", "--force")


def _dial(cluster: Cluster, probe: str, host: str, port: int) -> bool:
    said = cluster.kubectl("exec", "--namespace", THEIRS, f"probe-{probe}", "--", "python", "-c", DIAL, host, str(port))
    return "open" in said


@pytest.mark.parametrize(
    ("probe", "host", "port", "passes"),
    [
        ("run", "dev-services-postgresql.engineshed.svc", 5432, True),
        ("run", "dev-services-objectstore.engineshed.svc", 9000, True),
        ("run", "web-graph.team-web-graph.svc", 4000, False),
        ("run", "engineshed-webserver.engineshed.svc", 80, False),
        ("nobody", "dev-services-postgresql.engineshed.svc", 5432, False),
        ("nobody", "dev-services-objectstore.engineshed.svc", 9000, False),
        ("nobody", "web-graph.team-web-graph.svc", 4000, False),
    ],
)
def test_the_network_lets_through_what_it_must_and_nothing_else(
    probes: None, cluster: Cluster, probe: str, host: str, port: int, passes: bool
) -> None:
    assert _dial(cluster, probe, host, port) is passes


ATTACKS = {
    "namespace": {"job_metadata": {"namespace": OURS}},
    "service account": {"pod_spec_config": {"service_account_name": "web-graph"}},
    "host path": {"pod_spec_config": {"volumes": [{"name": "host", "host_path": {"path": "/"}}]}},
    "host network": {"pod_spec_config": {"host_network": True}},
    "privileged": {"container_config": {"security_context": {"privileged": True}}},
    "image": {"container_config": {"image": "engineshed/web-graph:dev"}},
    "label": {"pod_template_spec_metadata": {"labels": {"engineshed.dev/team": "web-graph"}}},
    "owner": {"job_metadata": {"owner_references": [{"api_version": "v1", "kind": "Pod", "name": "x", "uid": "y"}]}},
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_run_tags_that_ask_for_more_fail_the_run_and_name_the_field(
    seeds: str, pages: Pages, cluster: Cluster, attack: str
) -> None:
    run_id = pages.launch(
        "company_registry/seeds",
        location="company_registry",
        tags={"dagster-k8s/config": json.dumps(ATTACKS[attack]), "dagster/max_retries": "0"},
    )
    assert pages.ended(run_id) == "FAILURE"
    said = "\n".join(pages.messages(run_id))
    (field,) = ATTACKS[attack]
    (inner,) = ATTACKS[attack][field]
    assert inner in said or inner.replace("_", "") in said.lower(), said
    found = [j for j in cluster.objects("jobs") if run_id in j["metadata"]["name"]]
    assert found == []


def test_an_honest_wish_is_granted(seeds: str, pages: Pages) -> None:
    wish = {"container_config": {"resources": {"requests": {"cpu": "60m", "memory": "400Mi"}}}}
    run_id = pages.launch(
        "company_registry/seeds", location="company_registry", tags={"dagster-k8s/config": json.dumps(wish)}
    )
    assert pages.ended(run_id) == "SUCCESS", "\n".join(pages.messages(run_id))
