import pytest
import yaml
from dagster import _check as check
from dagster._config import resolve_to_config_type, validate_config
from dagster._core.instance.config import dagster_instance_config_schema
from dagster_aws.s3.compute_log_manager import S3ComputeLogManager

from engineshed.running.launcher import TenantRunLauncher
from engineshed.running.settings import read_platform

INSTANCE = "engineshed-instance"


@pytest.fixture
def dagster(kind):
    return kind.data(INSTANCE, "dagster.yaml")


def accepted(schema, said):
    checked = validate_config(resolve_to_config_type(schema), said)
    assert checked.success, [error.message for error in check.not_none(checked.errors)]


def test_dagster_accepts_every_key(dagster, production):
    accepted(dagster_instance_config_schema(), dagster)
    accepted(dagster_instance_config_schema(), production.data(INSTANCE, "dagster.yaml"))


def test_the_log_manager_accepts_its_settings(dagster):
    accepted(S3ComputeLogManager.config_type(), dagster["compute_logs"]["config"])


def test_the_launcher_accepts_its_settings(dagster):
    assert dagster["run_launcher"]["module"] == TenantRunLauncher.__module__.rpartition(".")[0]
    assert dagster["run_launcher"]["class"] == TenantRunLauncher.__name__
    accepted(TenantRunLauncher.config_type(), dagster["run_launcher"]["config"])


def test_no_run_is_placed_by_the_settings(dagster):
    """Where, as whom and from which image a run starts is known to discovery alone."""
    decided = {"service_account_name", "job_namespace", "job_image", "image_pull_secrets"}
    assert decided.isdisjoint(dagster["run_launcher"]["config"])


def test_runs_are_retried_by_a_child_and_never_resumed(dagster):
    assert dagster["run_monitoring"]["max_resume_run_attempts"] == 0
    assert 5 <= dagster["run_monitoring"]["poll_interval_seconds"] <= 15
    assert dagster["run_retries"]["enabled"]
    assert dagster["run_retries"]["max_retries"] > 0


def test_a_run_pod_ends_within_its_grace_and_goes_after_an_hour(kind):
    run = kind.data(INSTANCE, "dagster.yaml")["run_launcher"]["config"]["run_k8s_config"]
    assert run["job_spec_config"] == {"backoff_limit": 0, "ttl_seconds_after_finished": 3600}
    assert run["pod_spec_config"]["termination_grace_period_seconds"] == 60


def test_runs_are_limited_per_code_location_and_team(platform):
    extra = {"key": "kind", "value": "backfill", "limit": 1}
    said = platform({"instance": {"queue": {"perTeam": 3, "tagConcurrencyLimits": [extra]}}})
    limits = said.data(INSTANCE, "dagster.yaml")["concurrency"]["runs"]["tag_concurrency_limits"]
    assert [(one["key"], one["limit"]) for one in limits] == [("dagster/code_location", 10), ("team", 3), ("kind", 1)]
    assert all(one["value"] == {"applyLimitPerUniqueValue": True} for one in limits[:2])


def test_nothing_is_told_to_anyone_outside(dagster):
    assert dagster["telemetry"] == {"enabled": False}


def test_the_password_is_in_no_settings_file(platform):
    dev = platform({"postgresql": {"dev": {"enabled": True, "password": "open-sesame"}}})
    for config in dev.all("ConfigMap"):
        assert "open-sesame" not in "".join(config["data"].values())


def test_the_library_accepts_platform_yaml(kind, tmp_path):
    (tmp_path / "platform.yaml").write_text(kind.one("ConfigMap", INSTANCE)["data"]["platform.yaml"])
    settings = read_platform(tmp_path / "platform.yaml")
    assert settings.ledger_url == "postgresql+psycopg2://dagster@dev-services-postgresql.engineshed.svc:5432/dagster"
    assert settings.ledger_password_env == "DAGSTER_PG_PASSWORD"
    assert set(settings.prices) == {"node"}


def test_prices_and_policy_are_rendered_verbatim(platform, tmp_path):
    said = {
        "prices": {"node": {"usd_per_hour": "0.40", "as_of": "2026-11-02", "market": "spot", "source": "the invoice"}},
        "policy": {"forbid": ["sail"], "budget_usd": "12.50"},
    }
    text = platform({"platform": said}).one("ConfigMap", INSTANCE)["data"]["platform.yaml"]
    (tmp_path / "platform.yaml").write_text(text)
    settings = read_platform(tmp_path / "platform.yaml")
    assert settings.policy.forbid == ("sail",)
    assert str(settings.policy.budget_usd) == "12.50"
    assert {key: yaml.safe_load(text)[key] for key in said} == said


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ({"postgresql": {"host": ""}}, "postgresql.host is empty"),
        ({"postgresql": {"existingSecret": {"name": ""}}}, "postgresql.existingSecret.name is empty"),
        ({"computeLogs": {"bucket": ""}}, "computeLogs.bucket is empty"),
    ],
)
def test_what_has_to_be_said_is_named(platform, missing, told):
    with pytest.raises(Exception, match=told):
        platform(missing)
