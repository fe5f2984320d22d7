"""location.yaml is what the values say, word for word, and the library accepts it."""

from __future__ import annotations

import helm_python
import pytest
import yaml

from engineshed.engines.kubernetes.settings import KubernetesSettings
from engineshed.model.errors import SettingInvalid
from engineshed.running.settings import read_location

LOCATION = {
    "team": "alpha",
    "code_location": "alpha_one",
    "data_root": "s3://bucket/prefix",
    "mode": "full",
    "objective": {"budget_usd": "12.50", "prefer": ["kubernetes"], "forbid": []},
    "engines": {"kubernetes": {"conf": {"spark.sql.shuffle.partitions": "2000000"}, "ttl_s": 86400000, "ratio": 0.25}},
}


def _file(release, name, folder):
    path = folder / "location.yaml"
    path.write_text(release.one("ConfigMap", f"{name}-location")["data"]["location.yaml"])
    return path


def test_it_is_the_values_word_for_word(alpha, tmp_path):
    path = _file(alpha({"location": LOCATION}), "alpha", tmp_path)
    assert yaml.safe_load(path.read_text()) == LOCATION
    assert read_location(path).engines == LOCATION["engines"]


@pytest.mark.parametrize("location", ["web_graph", "company_registry"])
def test_the_library_accepts_what_the_showcase_says(showcase, tmp_path, location):
    settings = read_location(_file(showcase(location), location.replace("_", "-"), tmp_path))
    assert settings.code_location == location
    assert settings.team == location.replace("_", "-")
    assert settings.data_root.startswith("s3://")


def test_engine_kubernetes_accepts_what_the_showcase_says(showcase, tmp_path):
    release = showcase("web_graph")
    settings = KubernetesSettings(**read_location(_file(release, "web-graph", tmp_path)).engines["kubernetes"])
    accounts = release.names("ServiceAccount")
    assert {settings.service_account, settings.executor_service_account} < set(accounts)
    assert settings.service_account.endswith("-spark")


SPARK = {"engines": {"kubernetes": {"image": "spark:1", "service_account": "other-spark"}}}


def test_an_account_of_another_release_is_refused_by_name(alpha):
    with pytest.raises(Exception, match=r'service_account is "other-spark", which release "alpha" does not make'):
        alpha({"location": {**LOCATION, **SPARK}})


def test_an_account_that_is_there_already_may_be_named(alpha, tmp_path):
    release = alpha({"location": {**LOCATION, **SPARK}, "serviceAccounts": {"existing": ["other-spark"]}})
    kubernetes = read_location(_file(release, "alpha", tmp_path)).engines["kubernetes"]
    assert kubernetes["service_account"] == "other-spark"


def test_the_library_refuses_what_the_schema_cannot_see(alpha, tmp_path):
    path = _file(alpha({"location": {**LOCATION, "objective": {"budget_usd": "a lot"}}}), "alpha", tmp_path)
    with pytest.raises(SettingInvalid, match=r"objective\.budget_usd"):
        read_location(path)


@pytest.mark.parametrize(
    ("image", "refused"),
    [("spark:dev", True), ("team/spark:dev", True), ("localhost/spark", False), ("r.io/s:1", False)],
)
def test_a_registry_for_every_image_is_not_silently_missing_from_sparks(alpha, image, refused):
    location = {"team": "alpha", "code_location": "alpha_one", "engines": {"kubernetes": {"image": image}}}
    values = {"location": location, "global": {"imageRegistry": "mirror.example.org"}}
    if refused:
        with pytest.raises(helm_python.HelmError, match=r"location\.engines\.kubernetes\.image"):
            alpha(values)
    else:
        assert alpha(values).one("ConfigMap")
