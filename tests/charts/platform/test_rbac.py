def rules(release, kind):
    return {
        (role["metadata"]["name"], resource): rule
        for role in release.all(kind)
        for rule in role["rules"]
        for resource in rule["resources"]
    }


def test_across_the_cluster_it_reads_namespaces_and_nodes_only(kind):
    read = {resource: rule for (_, resource), rule in rules(kind, "ClusterRole").items() if resource != "tokenreviews"}
    assert set(read) == {"namespaces", "nodes"}
    assert all(set(rule["verbs"]) == {"get", "list", "watch"} for rule in read.values())


def test_whose_a_token_is_may_be_asked_by_the_exporter_alone(kind, platform):
    [rule] = [rule for (_, resource), rule in rules(kind, "ClusterRole").items() if resource == "tokenreviews"]
    assert rule["verbs"] == ["create"]
    [binding] = [one for one in kind.all("ClusterRoleBinding") if one["roleRef"]["name"].endswith("-callers")]
    assert [subject["name"] for subject in binding["subjects"]] == ["engineshed-exporter"]
    without = platform({"exporter": {"enabled": False}})
    assert "tokenreviews" not in {resource for _, resource in rules(without, "ClusterRole")}


def test_nodes_are_read_by_the_provisioner_alone(kind):
    [binding] = [one for one in kind.all("ClusterRoleBinding") if one["roleRef"]["name"].endswith("-nodes")]
    assert [subject["name"] for subject in binding["subjects"]] == ["engineshed-provisioner"]


def test_secrets_are_read_by_name(kind):
    found = {resource: (rule["resourceNames"], rule["verbs"]) for (_, resource), rule in rules(kind, "Role").items()}
    assert found == {
        "configmaps": (["engineshed-instance"], ["get"]),
        "secrets": (["dev-services-postgresql"], ["get"]),
    }


def test_two_platforms_on_one_cluster_share_no_cluster_wide_name(kind, platform):
    other = platform(namespace="engineshed-next")
    for made in ("ClusterRole", "ClusterRoleBinding"):
        assert set(kind.names(made)).isdisjoint(other.names(made))


def test_every_binding_names_a_role_and_accounts_of_the_release(kind):
    roles = {(made, name) for made in ("Role", "ClusterRole") for name in kind.names(made)}
    for binding in kind.all("RoleBinding") + kind.all("ClusterRoleBinding"):
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in roles
        assert {subject["name"] for subject in binding["subjects"]} <= set(kind.names("ServiceAccount"))
