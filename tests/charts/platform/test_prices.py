def test_nothing_is_scheduled_unless_asked_for(kind):
    assert kind.all("CronJob") == []


def test_prices_are_refreshed_one_at_a_time(platform):
    release = platform({"prices": {"enabled": True, "schedule": "5 4 * * *"}})
    spec = release.one("CronJob", "engineshed-prices")["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("5 4 * * *", "Etc/UTC", "Forbid")
    assert release.container("CronJob/engineshed-prices", "prices")["command"] == ["engineshed", "prices", "refresh"]
    assert release.pod("CronJob/engineshed-prices")["spec"]["serviceAccountName"] in release.names("ServiceAccount")
