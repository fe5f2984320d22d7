import pytest

ASKED = {"readOnly": {"enabled": True}}
WORKLOAD = "Deployment/engineshed-read-only"


@pytest.fixture(scope="module")
def twin(platform):
    return platform(ASKED)


def test_there_is_none_unless_asked_for(kind):
    assert not [one for one in kind.objects if one["metadata"]["name"].endswith("-read-only")]


def test_its_server_changes_nothing_and_lists_by_itself(twin):
    """Nobody reloads it: a read-only Dagster would refuse, so the server follows the workspace file."""
    from engineshed.cli import cli

    server = twin.container(WORKLOAD, "webserver")
    assert server["command"] == ["engineshed", "read-only", "--workspace-dir=/workspace"]
    assert not [arg for arg in twin.container(WORKLOAD, "discovery")["args"] if arg.startswith("--reload-url")]
    known = {option for parameter in cli.commands["read-only"].params for option in parameter.opts}
    assert {arg.split("=")[0] for arg in server["args"] + server["command"][2:]} <= known


def test_it_has_an_account_that_reads_namespaces_alone(twin):
    assert twin.pod(WORKLOAD)["spec"]["serviceAccountName"] == "engineshed-read-only"
    granted = [
        binding["roleRef"]["name"]
        for binding in twin.all("ClusterRoleBinding") + twin.all("RoleBinding")
        if "engineshed-read-only" in [subject["name"] for subject in binding["subjects"]]
    ]
    assert granted == ["engineshed-engineshed-discovery"]


def test_it_opens_to_its_own_peers(platform):
    everyone = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "office"}}}
    release = platform({**ASKED, "networkPolicy": {"readOnlyFrom": [everyone]}})
    ingress = {
        name: release.one("NetworkPolicy", f"engineshed-{name}")["spec"]["ingress"][0]["from"]
        for name in ("read-only", "webserver")
    }
    assert everyone in ingress["read-only"]
    assert everyone not in ingress["webserver"]


def test_it_passes_restricted_and_survives_a_drain(twin, restricted):
    assert restricted(twin.pod(WORKLOAD)) == []
    assert "engineshed-read-only" in twin.names("PodDisruptionBudget")
    service = twin.one("Service", "engineshed-read-only")["spec"]
    assert service["selector"].items() <= twin.pod(WORKLOAD)["metadata"]["labels"].items()
