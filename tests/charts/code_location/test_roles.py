"""Rights: exactly these verbs, bound to exactly these accounts. A verb more is a hole, a verb less a broken run."""

from __future__ import annotations

import pytest

SPARK = ["get", "list", "watch", "create", "patch", "delete", "deletecollection"]
RIGHTS = {
    "alpha": {
        ("batch", "jobs"): ["create", "get", "list", "watch", "patch", "delete"],
        ("", "pods"): ["get", "list", "watch"],
        ("", "pods/log"): ["get"],
        ("", "events"): ["get", "list"],
        ("", "configmaps"): ["create", "get", "list", "patch", "delete"],
    },
    "alpha-spark": {("", what): SPARK for what in ("pods", "configmaps", "services", "persistentvolumeclaims")},
    "alpha-platform": {
        ("", "services"): ["get", "list", "watch"],
        ("discovery.k8s.io", "endpointslices"): ["get", "list", "watch"],
        ("batch", "jobs"): ["create", "get", "list", "watch", "delete"],
        ("batch", "jobs/status"): ["get"],
        ("", "pods"): ["get", "list", "watch"],
        ("", "pods/log"): ["get", "list", "watch"],
        ("", "events"): ["get", "list", "watch"],
    },
    "alpha-discovery": {
        ("", "services"): ["get", "list", "watch"],
        ("discovery.k8s.io", "endpointslices"): ["get", "list", "watch"],
    },
    "alpha-provisioner": {
        ("", "configmaps"): ["create"],
        ("", "secrets"): ["create"],
        ("", "configmaps", "engineshed-instance"): ["get", "update", "patch"],
        ("", "secrets", "engineshed-database"): ["get", "update", "patch"],
        ("", "services"): ["get", "list"],
    },
}
SUBJECTS = {
    "alpha": [("alpha", "team-alpha")],
    "alpha-spark": [("alpha-spark", "team-alpha")],
    "alpha-platform": [("engineshed-webserver", "engineshed"), ("engineshed-daemon", "engineshed")],
    "alpha-discovery": [("engineshed-read-only", "engineshed")],
    "alpha-provisioner": [("engineshed-provisioner", "engineshed")],
}


def _rights(role):
    found = {}
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames", [None]):
                    key = (group, resource) if name is None else (group, resource, name)
                    assert key not in found
                    found[key] = rule["verbs"]
    return found


def test_there_are_no_other_roles_and_none_beyond_the_namespace(alpha):
    release = alpha()
    assert set(release.names("Role")) == set(release.names("RoleBinding")) == set(RIGHTS)
    assert release.all("ClusterRole") == release.all("ClusterRoleBinding") == []


@pytest.mark.parametrize("name", RIGHTS)
def test_a_role_gives_just_these_verbs(alpha, name):
    assert _rights(alpha().one("Role", name)) == RIGHTS[name]


@pytest.mark.parametrize("name", RIGHTS)
def test_a_role_is_given_to_just_these_accounts(alpha, name):
    binding = alpha().one("RoleBinding", name)
    assert binding["roleRef"]["name"] == name
    assert [(s["name"], s["namespace"]) for s in binding["subjects"]] == SUBJECTS[name]


def test_nobody_but_the_provisioner_touches_a_secret(alpha):
    touching = [role for role in alpha().all("Role") if any("secrets" in rule["resources"] for rule in role["rules"])]
    assert [role["metadata"]["name"] for role in touching] == ["alpha-provisioner"]


def test_spark_applications_are_for_those_who_use_the_operator(alpha):
    engines = {"kubernetes": {"image": "spark", "operator": {"enabled": True}}}
    location = {"team": "alpha", "code_location": "alpha_one", "engines": engines}
    with_operator = _rights(alpha({"location": location}).one("Role", "alpha"))
    more = set(with_operator) - set(RIGHTS["alpha"])
    assert {group for group, _ in more} == {"sparkoperator.k8s.io"}


def test_a_platform_of_another_name_gets_its_own_accounts_bound(alpha):
    binding = alpha({"platform": {"namespace": "data", "release": "trains"}}).one("RoleBinding", "alpha-platform")
    assert {(s["name"], s["namespace"]) for s in binding["subjects"]} == {
        ("trains-webserver", "data"),
        ("trains-daemon", "data"),
    }
