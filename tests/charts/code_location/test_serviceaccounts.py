"""Three accounts: code server and runs, Spark drivers, Spark executors; each with its own cloud identity."""

from __future__ import annotations


def test_only_executors_get_no_token(alpha):
    accounts = {a["metadata"]["name"]: a["automountServiceAccountToken"] for a in alpha().all("ServiceAccount")}
    assert accounts == {"alpha": True, "alpha-spark": True, "alpha-executor": False}


def test_cloud_identities_are_separate(alpha):
    key = "eks.amazonaws.com/role-arn"
    release = alpha({"serviceAccounts": {"runs": {key: "r"}, "spark": {key: "s"}, "executors": {key: "e"}}})
    found = {a["metadata"]["name"]: a["metadata"]["annotations"][key] for a in release.all("ServiceAccount")}
    assert found == {"alpha": "r", "alpha-spark": "s", "alpha-executor": "e"}
