from decimal import Decimal

import pytest

from engineshed.model.errors import SettingInvalid
from engineshed.processes.settings import JobBlock, ProcessSettings, checked


def test_defaults_cost_nothing_and_use_all_cores() -> None:
    settings = checked(ProcessSettings, {}, "engines.local")
    assert (settings.cores, settings.usd_per_hour, settings.max_input_bytes) == ("all", Decimal(0), None)


def test_an_unknown_key_is_refused_with_the_allowed_ones() -> None:
    with pytest.raises(SettingInvalid) as refused:
        checked(ProcessSettings, {"core": 2}, "engines.local")
    assert "engines.local.core does not exist" in str(refused.value)
    assert "cold_start_s, cores, env," in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"cores": 0}, "engines.local.cores"),
        ({"cores": "some"}, "engines.local.cores"),
        ({"usd_per_hour": "-1"}, "engines.local.usd_per_hour"),
        ({"usd_per_hour": "cheap"}, "engines.local.usd_per_hour"),
        ({"log_limit_mib": 0}, "engines.local.log_limit_mib"),
        ({"env": {"DAGSTER_PIPES_CONTEXT": "x"}}, "engines.local.env"),
        ({"env": {"N": 1}}, "engines.local.env.N"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(settings: dict[str, object], key: str) -> None:
    with pytest.raises(SettingInvalid, match=key):
        checked(ProcessSettings, settings, "engines.local")


def test_a_job_s_block_is_closed_too() -> None:
    assert checked(JobBlock, {"conf": {"spark.x": "1"}}, "engine_settings.local").conf == {"spark.x": "1"}
    with pytest.raises(SettingInvalid, match="allowed are conf, env"):
        checked(JobBlock, {"cores": 2}, "engine_settings.local")


@pytest.mark.parametrize("model", [ProcessSettings, JobBlock])
@pytest.mark.parametrize("name", ["SPARK_REMOTE", "MASTER"])
def test_a_variable_that_picks_the_session_is_refused_by_name(
    model: type[ProcessSettings] | type[JobBlock], name: str
) -> None:
    with pytest.raises(SettingInvalid, match=f"env.*{name} says which session there is, which the engine decides"):
        checked(model, {"env": {name: "x", "SPARK_CONF_DIR": "/mine"}}, "engines.local")


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_what_is_no_finite_number_is_refused(number: float) -> None:
    with pytest.raises(SettingInvalid, match=r"engines\.sail\.grace_s is (inf|nan): .*finite"):
        checked(ProcessSettings, {"grace_s": number}, "engines.sail")
