"""What a location and a job may say to EMR, and that no secret stands there in plain text."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import pytest

from engineshed.engines.emr import build, check_block
from engineshed.engines.emr.releases import RELEASES, require_packed_for
from engineshed.model.errors import JobInvalid, SettingInvalid
from engineshed.model.staged import PackedEnvironment
from engineshed.ports.engine import Surroundings

ARN = "EMR.secret@arn:aws:secretsmanager:eu-central-1:111122223333:secret:crawl-AbCdEf"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "region"),
        ({"region": "r", "releas": "emr-7.5.0"}, "releas does not exist: allowed are architecture, auto_termination_s"),
        ({"region": "r", "release": "emr-6.9.0"}, "known releases are emr-7.1.0"),
        ({"region": "r", "network": {"primary_security_group": "sg-1"}}, "go together: give both, or none"),
        ({"region": "r", "env": {"DAGSTER_PIPES_CONTEXT": "x"}}, "set by engineshed itself"),
        ({"region": "r", "spot_timeout_minutes": 1}, "spot_timeout_minutes"),
    ],
)
def test_settings_that_are_wrong_are_refused_by_name(
    settings: Mapping[str, Any], said: str, surroundings: Surroundings
) -> None:
    with pytest.raises(SettingInvalid, match=r"engines\.emr") as caught:
        build(settings, surroundings)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "block",
    [
        {"env": {"CRAWL_TOKEN": "hunter2"}},
        {"conf": {"spark.hadoop.fs.s3a.secret.key": "hunter2"}},
        {"conf": {"spark.hadoop.fs.azure.account.key.store": "hunter2"}},
        {"configurations": [{"classification": "hive-site", "properties": {"ConnectionPassword": "hunter2"}}]},
        {
            "configurations": [
                {
                    "classification": "spark-env",
                    "configurations": [{"classification": "export", "properties": {"DB_PASSWORD": "hunter2"}}],
                }
            ]
        },
        {"env": {"AWS_SECRET_ACCESS_KEY": f"{ARN} hunter2"}},
    ],
)
def test_a_secret_in_plain_text_is_refused_and_not_repeated(block: Mapping[str, Any]) -> None:
    with pytest.raises(SettingInvalid) as caught:
        check_block(block)
    assert "AWS Secrets Manager" in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_reference_to_a_secret_is_taken_and_names_that_only_sound_like_one_are_free() -> None:
    check_block({"env": {"CRAWL_TOKEN": ARN, "TOKENIZERS_PARALLELISM": "false"}, "conf": {"spark.keytab": "k"}})


def test_what_is_shown_holds_names_of_variables_only(surroundings: Surroundings) -> None:
    own = {"region": "r", "env": {"CRAWL_TOKEN": ARN}, "conf": {"spark.a": "1"}}
    shown = build(own, surroundings).settings()
    assert (shown["env"], shown["conf"]) == (["CRAWL_TOKEN"], ["spark.a"])


@pytest.mark.parametrize("label", RELEASES)
def test_every_preset_says_its_spark_and_a_python_that_drivers_can_use(label: str) -> None:
    release = RELEASES[label]
    assert release.spark.count(".") == 2
    assert tuple(map(int, release.python.split("."))) >= (3, 10)


@pytest.mark.parametrize(
    ("python", "architecture", "label", "machines"),
    [
        ("3.12", "x86_64", "emr-7.5.0", "x86_64"),
        ("3.9", "x86_64", "emr-7.12.0", "x86_64"),
        ("3.11", "x86_64", "emr-7.5.0", "arm64"),
        ("3.11", "aarch64", "emr-7.5.0", "x86_64"),
    ],
)
def test_an_environment_packed_for_another_python_or_machine_is_refused_with_the_remedy(
    python: str, architecture: str, label: str, machines: str
) -> None:
    packed = PackedEnvironment(python=python, architecture=architecture, lock_sha256="d" * 64, wheels=())
    with pytest.raises(JobInvalid, match=rf"packed for Python {python} on {architecture}.*engineshed pack --python 3"):
        require_packed_for(packed, label, machines, "edges")


@pytest.mark.parametrize("label", RELEASES)
def test_an_environment_packed_for_the_release_fits(label: str) -> None:
    for machines, architecture in (("x86_64", "x86_64"), ("arm64", "aarch64")):
        python = RELEASES[label].python
        packed = PackedEnvironment(python=python, architecture=architecture, lock_sha256="d" * 64, wheels=())
        require_packed_for(packed, label, machines, "edges")
