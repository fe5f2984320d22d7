def test_a_drain_takes_one_webserver_at_a_time_and_always_ends(production):
    [budget] = production.all("PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1
    labels = production.pod("Deployment/engineshed-webserver")["metadata"]["labels"]
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_it_can_be_switched_off(platform):
    assert not platform({"webserver": {"podDisruptionBudget": {"enabled": False}}}).all("PodDisruptionBudget")
