"""`doctor` for EMR in an account of moto's: each thing that is not there is named, and what is whole is found whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from engineshed.cli import cli
from engineshed.engines.emr.checks import checks
from engineshed.engines.emr.client import EmrClient
from engineshed.engines.emr.settings import EmrSettings
from engineshed.ports.engine import Check
from engineshed.testing.emr import EmrDouble, Neighbours
from engineshed.testing.emr.neighbours import REGION
from engineshed.testing.emr.premises import Premises, furnish

Doctor = Callable[..., list[Check]]


@pytest.fixture(scope="module")
def account() -> Iterator[Neighbours]:
    with Neighbours() as neighbours:
        yield neighbours


@pytest.fixture(scope="module")
def premises(account: Neighbours) -> Premises:
    return furnish(account)


@pytest.fixture
def doctor(account: Neighbours, premises: Premises) -> Iterator[Doctor]:
    """What is found wrong where the settings are of the premises but for `changed`."""
    with EmrDouble(neighbours=account) as double:

        def look(network: dict[str, Any] | None = None, machine: dict[str, Any] | None = None, **top: Any) -> Any:
            stated = {
                "subnets": [premises.private_subnet],
                "primary_security_group": premises.master_group,
                "worker_security_group": premises.worker_group,
                "service_access_security_group": premises.service_group,
            }
            settings = EmrSettings.model_validate(
                {
                    "region": REGION,
                    "network": {**stated, **(network or {})},
                    "machine": {"image": premises.image, **(machine or {})},
                    **top,
                }
            )
            emr = EmrClient(settings, double.client)
            return list(checks(emr, account.client, settings, "s3://jobs/exchange", "s3://jobs/logs"))

        yield look


def wrong(found: list[Check]) -> dict[str, str]:
    return {check.subject: check.fact for check in found if not check.ok}


def test_a_whole_account_is_found_whole(doctor: Doctor, premises: Premises) -> None:
    found = doctor()
    assert wrong(found) == {}
    ways = {check.subject: check.fact for check in found if check.subject.startswith("way to S3")}
    assert ways == {f"way to S3 from {premises.private_subnet}": f"by endpoint {premises.s3_endpoint}"}


def test_a_public_subnet_reaches_s3_by_its_gateway(doctor: Doctor, premises: Premises) -> None:
    found = doctor(network={"subnets": [premises.public_subnet]})
    assert wrong(found) == {}


@pytest.mark.parametrize(
    ("changed", "subject"),
    [
        ({"network": {"subnets": ["subnet-0123456789abcdef0"]}}, "subnet subnet-0123456789abcdef0"),
        ({"network": {"primary_security_group": "sg-0123456789abcdef0"}}, "security group sg-0123456789abcdef0"),
        ({"network": {"worker_security_group": "sg-0123456789abcdef1"}}, "security group sg-0123456789abcdef1"),
        ({"network": {"service_access_security_group": "sg-0123456789abcde2"}}, "security group sg-0123456789abcde2"),
        ({"machine": {"image": "ami-0123456789abcdef0"}}, "image ami-0123456789abcdef0"),
        ({"machine": {"instance_profile": "nobody"}}, "instance profile nobody"),
        ({"service_role": "nobody"}, "service role nobody"),
        ({"cluster": "j-NOSUCHCLUSTER"}, "cluster j-NOSUCHCLUSTER"),
    ],
)
def test_what_is_not_there_is_named(doctor: Doctor, changed: dict[str, Any], subject: str) -> None:
    found = doctor(**changed)
    assert list(wrong(found)) == [subject]
    assert all(check.remedy for check in found if not check.ok)


def test_groups_of_another_vpc_are_told(doctor: Doctor, account: Neighbours, premises: Premises) -> None:
    other = furnish(account)
    told = wrong(doctor(network={"service_access_security_group": other.service_group}))
    assert set(told) == {"VPC"}
    assert premises.vpc in told["VPC"]
    assert other.vpc in told["VPC"]


def test_a_subnet_without_a_way_to_s3_is_named_with_its_route_table(doctor: Doctor, account: Neighbours) -> None:
    closed = furnish(account, way_to_s3=False)
    found = doctor(
        network={
            "subnets": [closed.private_subnet],
            "primary_security_group": closed.master_group,
            "worker_security_group": closed.worker_group,
            "service_access_security_group": closed.service_group,
        }
    )
    told = wrong(found)
    assert list(told) == [f"way to S3 from {closed.private_subnet}"]
    assert "rtb-" in told[f"way to S3 from {closed.private_subnet}"]


@pytest.fixture
def location(account: Neighbours, premises: Premises, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A location.yaml whose network is of the premises but for `changed`, where boto3 finds the account."""
    account.make_bucket("jobs")
    monkeypatch.setenv("COLUMNS", "400")
    with EmrDouble(neighbours=account) as double:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")

        def write(**changed: Any) -> str:
            network = {"subnets": [premises.private_subnet], "service_access_security_group": premises.service_group}
            address = {"endpoint_url": double.endpoint_url, "region": REGION}
            settings = {
                "team": "web",
                "code_location": "web_graph",
                "home": str(tmp_path / "home"),
                "exchange_root": "s3://jobs/exchange",
                "store": {"endpoint_url": account.endpoint_url, "region": REGION},
                "engines": {"emr": {**address, "log_uri": "s3://jobs/logs", "network": {**network, **changed}}},
            }
            path = tmp_path / "location.yaml"
            path.write_text(yaml.safe_dump(settings))
            return str(path)

        yield write


def test_the_command_is_ready_where_all_is_there(location: Callable[..., str]) -> None:
    done = CliRunner().invoke(cli, ["doctor", "--engine", "emr", "--location", location()])
    assert (done.exit_code, "Ready: emr." in done.output) == (0, True), done.output


def test_the_command_names_a_subnet_that_is_not_there_and_fails(location: Callable[..., str]) -> None:
    wrong_subnet = location(subnets=["subnet-0123456789abcdef0"])
    done = CliRunner().invoke(cli, ["doctor", "--engine", "emr", "--location", wrong_subnet])
    assert done.exit_code == 1
    (line,) = [line for line in done.output.splitlines() if "subnet-0123456789abcdef0" in line]
    assert line.split()[1] == "no"
    assert "correct engines.emr.network.subnets" in line
    assert "Not ready: emr." in done.output
