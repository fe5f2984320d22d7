def test_every_pod_has_a_policy_of_its_own(defaults):
    selectors = [one["spec"]["podSelector"]["matchLabels"] for one in defaults.all("NetworkPolicy")]
    for name, pod in defaults.pods():
        labels = pod["metadata"]["labels"]
        assert len([chosen for chosen in selectors if chosen.items() <= labels.items()]) == 1, name


def test_teams_reach_database_and_object_store_and_no_more(defaults):
    teams = {"namespaceSelector": {"matchExpressions": [{"key": "engineshed.dev/team", "operator": "Exists"}]}}
    reached = {
        port["port"]
        for policy in defaults.all("NetworkPolicy")
        for rule in policy["spec"].get("ingress", [])
        for port in rule["ports"]
        if teams in rule["from"]
    }
    assert reached == {5432, 9000}
