def test_each_component_runs_under_its_own_account(kind):
    accounts = {name: pod["spec"].get("serviceAccountName") for name, pod in kind.pods()}
    assert accounts == {
        "Deployment/engineshed-webserver": "engineshed-webserver",
        "Deployment/engineshed-daemon": "engineshed-daemon",
        "Deployment/engineshed-provisioner": "engineshed-provisioner",
        "Deployment/engineshed-exporter": "engineshed-exporter",
        "Job/engineshed-migrate-1": "engineshed-migrate",
        "Pod/engineshed-test": None,
    }
    assert set(filter(None, accounts.values())) == set(kind.names("ServiceAccount"))


def test_an_account_carries_its_cloud_identity(platform):
    arn = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/logs"}
    said = platform({"webserver": {"serviceAccountAnnotations": arn}, "migration": {"serviceAccountAnnotations": arn}})
    for name in ("engineshed-webserver", "engineshed-migrate"):
        assert arn.items() <= said.one("ServiceAccount", name)["metadata"]["annotations"].items()
    assert "annotations" not in said.one("ServiceAccount", "engineshed-daemon")["metadata"]


def test_who_never_asks_the_api_server_has_no_token(kind):
    silent = {name for name, pod in kind.pods() if pod["spec"].get("automountServiceAccountToken") is False}
    assert silent == {"Job/engineshed-migrate-1", "Pod/engineshed-test"}
