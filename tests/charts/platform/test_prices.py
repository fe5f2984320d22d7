import pytest

from engineshed.running.premises import read_platform

LIST = "s3://platform/prices.json"


def test_nothing_is_scheduled_unless_asked_for(kind):
    assert kind.all("CronJob") == []


def test_prices_are_refreshed_one_at_a_time(platform):
    release = platform({"prices": {"enabled": True, "list": LIST, "schedule": "5 4 * * *"}})
    spec = release.one("CronJob", "engineshed-prices")["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("5 4 * * *", "Etc/UTC", "Forbid")
    assert release.container("CronJob/engineshed-prices", "prices")["command"] == ["engineshed", "prices", "refresh"]
    assert release.pod("CronJob/engineshed-prices")["spec"]["serviceAccountName"] in release.names("ServiceAccount")


def test_the_command_and_every_run_find_the_same_list(platform, tmp_path):
    store = {"endpointUrl": "http://minio:9000", "region": "eu-west-1", "existingSecret": "minio"}
    release = platform({"prices": {"enabled": True, "list": LIST}, "objectStore": store})
    text = release.one("ConfigMap", "engineshed-instance")["data"]["platform.yaml"]
    (tmp_path / "platform.yaml").write_text(text)
    settings = read_platform(tmp_path / "platform.yaml")
    assert settings.price_list == LIST
    assert settings.price_store.model_dump() == {"endpoint_url": "http://minio:9000", "region": "eu-west-1"}
    container = release.container("CronJob/engineshed-prices", "prices")
    assert container["envFrom"] == [{"secretRef": {"name": "minio"}}]
    assert {"name": "ENGINESHED_PLATFORM", "value": "/etc/engineshed/platform/platform.yaml"} in container["env"]


def test_a_schedule_that_cron_does_not_read_is_refused(platform):
    with pytest.raises(Exception, match="/prices/schedule"):
        platform({"prices": {"enabled": True, "list": LIST, "schedule": "daily"}})


def test_a_refresh_that_has_nowhere_to_write_is_refused(platform):
    with pytest.raises(Exception, match=r"prices\.list is empty"):
        platform({"prices": {"enabled": True}})
