"""What accounts may do, asked of the API server and tried with their own tokens."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.needs_cluster

ACCOUNTS = ("alpha", "alpha-spark", "alpha-executor")
MAY = [
    ("alpha", "create", "jobs.batch"),
    ("alpha", "delete", "jobs.batch"),
    ("alpha", "get", "pods/log"),
    ("alpha-spark", "create", "pods"),
    ("alpha-spark", "deletecollection", "configmaps"),
]
MAY_NOT = [
    ("alpha", "get", "secrets"),
    ("alpha", "create", "pods"),
    ("alpha", "create", "pods/exec"),
    ("alpha", "create", "rolebindings.rbac.authorization.k8s.io"),
    ("alpha", "delete", "resourcequotas"),
    ("alpha-spark", "get", "secrets"),
    ("alpha-spark", "create", "jobs.batch"),
    ("alpha-spark", "create", "pods/exec"),
    ("alpha-executor", "get", "pods"),
    ("alpha-executor", "get", "configmaps"),
]


def _may(kubernetes, refused, namespace, account, verb, resource, where):
    # kubectl reads `pods/log` as the pod of that name.
    what, _, part = resource.partition("/") if resource in ("pods/log", "pods/exec") else (resource, "", "")
    try:
        kubernetes.kubectl(
            "auth",
            "can-i",
            verb,
            what,
            f"--subresource={part}",
            f"--namespace={where}",
            f"--as=system:serviceaccount:{namespace}:{account}",
            "--as-group=system:serviceaccounts",
            f"--as-group=system:serviceaccounts:{namespace}",
            "--as-group=system:authenticated",
        )
    except refused as answer:
        if not str(answer).strip().splitlines()[-1].startswith("no"):
            raise
        return False
    return True


@pytest.mark.parametrize(("account", "verb", "resource"), MAY)
def test_an_account_may_do_its_work(kubernetes, refused, teams, account, verb, resource):
    assert _may(kubernetes, refused, teams.alpha, account, verb, resource, teams.alpha)


@pytest.mark.parametrize(("account", "verb", "resource"), MAY_NOT)
def test_an_account_may_do_nothing_else(kubernetes, refused, teams, account, verb, resource):
    assert not _may(kubernetes, refused, teams.alpha, account, verb, resource, teams.alpha)


@pytest.mark.parametrize(("account", "verb", "resource"), MAY)
def test_what_it_may_at_home_it_may_not_at_the_other_teams(kubernetes, refused, teams, account, verb, resource):
    assert not _may(kubernetes, refused, teams.alpha, account, verb, resource, teams.beta)


def test_the_daemon_launches_runs_and_reads_no_secret(kubernetes, refused, teams):
    asked = [
        ("create", "jobs.batch"),
        ("list", "pods"),
        ("get", "secrets"),
        ("delete", "pods"),
        ("patch", "jobs.batch"),
    ]
    answers = [
        _may(kubernetes, refused, teams.platform, "engineshed-daemon", verb, what, teams.alpha) for verb, what in asked
    ]
    assert answers == [True, True, False, False, False]


def test_the_provisioner_writes_its_two_objects_and_reads_no_other(kubernetes, refused, teams):
    asked = [
        ("create", "secrets"),
        ("update", "secrets/engineshed-database"),
        ("get", "secrets/object-store"),
        ("list", "secrets"),
        ("update", "configmaps/engineshed-instance"),
        ("update", "configmaps/alpha-location"),
    ]
    answers = [
        _may(kubernetes, refused, teams.platform, "engineshed-provisioner", verb, what, teams.alpha)
        for verb, what in asked
    ]
    assert answers == [True, True, False, False, True, False]


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("what", ["secrets", "pods", "configmaps", "jobs"])
def test_with_its_own_token_an_account_reads_nothing_of_the_other_team(teams, speaking_as, refused, account, what):
    with pytest.raises(refused, match="Forbidden"):
        speaking_as(teams.alpha, account).read("get", what, f"--namespace={teams.beta}")


def test_with_its_own_token_an_account_sees_its_own_pods(teams, speaking_as):
    assert speaking_as(teams.alpha, "alpha").read("get", "pods", f"--namespace={teams.alpha}")["kind"] == "List"


def test_no_team_can_label_its_namespace_as_another_teams(teams, speaking_as, refused):
    for account in ACCOUNTS:
        with pytest.raises(refused, match="Forbidden"):
            speaking_as(teams.alpha, account).kubectl(
                "label", "namespace", teams.alpha, "engineshed.dev/team=beta", "--overwrite"
            )
