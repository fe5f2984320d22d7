"""What a location and a job may say, and that no secret stands there in plain text."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engineshed.engines.databricks import build, check_block
from engineshed.engines.databricks.runtimes import ENVIRONMENTS, RUNTIMES
from engineshed.model.errors import SettingInvalid
from engineshed.ports.engine import Surroundings
from engineshed.processes.secret_names import is_secret
from engineshed.testing.clock import VirtualClock

SERVERLESS: Mapping[str, Any] = {"kind": "serverless", "environment_version": "4"}
NEW: Mapping[str, Any] = {"kind": "new_cluster", "runtime": "16.4"}


@pytest.fixture
def surroundings(tmp_path: Path) -> Surroundings:
    return Surroundings(home=str(tmp_path), python=sys.executable, clock=VirtualClock())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "compute is not set"),
        ({"compute": []}, "compute"),
        ({"compute": [NEW], "polcy": "p"}, "polcy does not exist: allowed are access_mode, budget_policy"),
        ({"compute": [{"kind": "new_cluster", "runtime": "12.2"}]}, "no such runtime: there are 13.3, 14.3"),
        ({"compute": [{"kind": "serverless", "environment_version": "9"}]}, "no such environment version"),
        ({"compute": [NEW | {"autoscale": {"min": 4, "max": 4}}]}, "min 4 is not below max 4"),
        ({"compute": [NEW], "code_folder": "s3://bucket"}, "below /Workspace or /Volumes"),
        ({"compute": [NEW], "env": {"DAGSTER_PIPES_CONTEXT": "x"}}, "set by engineshed itself"),
        ({"compute": [NEW], "tags": {"engineshed-token": "x"}}, "set by engineshed itself"),
        ({"compute": [NEW], "permissions": [{"level": "CAN_VIEW"}]}, "one of user, group and service_principal"),
    ],
)
def test_settings_that_are_wrong_are_refused_by_name(
    settings: Mapping[str, Any], said: str, surroundings: Surroundings
) -> None:
    with pytest.raises(SettingInvalid, match=r"engines\.databricks") as caught:
        build(settings, surroundings)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"worker": 2}, "worker does not exist"),
        ({"new_cluster": {"num_worker": 2}}, "num_worker is no field of the Clusters API"),
        ({"new_cluster": {"spark_env_vars": {"ENGINESHED_SESSION": "x"}}}, "set by engineshed itself"),
    ],
)
def test_a_jobs_block_is_closed_too(block: Mapping[str, Any], said: str) -> None:
    with pytest.raises(SettingInvalid, match=r"engine_settings\.databricks") as caught:
        check_block(block)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "block",
    [
        {"env": {"CRAWL_TOKEN": "hunter2"}},
        {"conf": {"spark.hadoop.fs.s3a.secret.key": "hunter2"}},
        {"conf": {"spark.hadoop.fs.azure.account.key.store": "hunter2"}},
        {"new_cluster": {"spark_env_vars": {"dbPassword": "hunter2"}}},
        {"new_cluster": {"spark_conf": {"spark.x.apiKey": "hunter2"}}},
        {"env": {"AWS_SECRET_ACCESS_KEY": "{{secrets/web/s3}} hunter2"}},
    ],
)
def test_a_secret_in_plain_text_is_refused_and_not_repeated(block: Mapping[str, Any]) -> None:
    with pytest.raises(SettingInvalid) as caught:
        check_block(block)
    assert "secret scope" in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_reference_to_a_secret_is_taken() -> None:
    check_block({"env": {"CRAWL_TOKEN": "{{secrets/web/crawl}}"}, "conf": {"spark.x.password": "{{secrets/web/x}}"}})


@pytest.mark.parametrize(
    "name", ["TOKENIZERS_PARALLELISM", "spark.sql.shuffle.partitions", "KEYBOARD", "spark.keytab", "MONKEY_KEY"]
)
def test_names_that_only_sound_like_secrets_are_free(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(("compute", "progress"), [([SERVERLESS], False), ([NEW], True), ([NEW, SERVERLESS], True)])
def test_progress_is_declared_where_a_run_has_a_cluster(
    compute: list[Mapping[str, Any]], progress: bool, surroundings: Surroundings
) -> None:
    assert build({"compute": compute}, surroundings).capabilities.progress is progress


def test_what_is_shown_holds_names_of_variables_only(surroundings: Surroundings) -> None:
    own = {"compute": [NEW], "env": {"CRAWL_TOKEN": "{{secrets/web/crawl}}"}, "conf": {"spark.a": "1"}}
    shown = build(own, surroundings).settings()
    assert (shown["env"], shown["conf"]) == (["CRAWL_TOKEN"], ["spark.a"])


def test_building_logs_in_nowhere_and_imports_no_sdk(surroundings: Surroundings) -> None:
    before = "databricks.sdk" in sys.modules
    build({"compute": [NEW], "host": "http://127.0.0.1:9"}, surroundings)
    assert ("databricks.sdk" in sys.modules) is before


@pytest.mark.parametrize("runtime", [*RUNTIMES.values(), *ENVIRONMENTS.values()], ids=lambda r: r.said)
def test_every_preset_is_whole(runtime: Any) -> None:
    assert runtime.python in ("3.10", "3.11", "3.12")
    assert runtime.spark.count(".") == 2
    assert runtime.supported_until > date(2026, 1, 1)
    assert (runtime.spark_version.startswith(f"{runtime.name}.x-scala2.")) is (runtime.name in RUNTIMES)
