"""`doctor` for EMR: what the settings name is there, in one VPC, with a way to S3. Asks only; findings name the id."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from engineshed.engines.emr.client import EmrClient
from engineshed.engines.emr.settings import EmrSettings, Network
from engineshed.model.errors import EngineError
from engineshed.ports.engine import Check

Clients = Callable[[str], Any]
"""A boto3 client of a service, by its name."""


def checks(emr: EmrClient, clients: Clients, settings: EmrSettings, exchange: str, log_uri: str) -> Sequence[Check]:
    """All findings."""
    try:
        emr.call("list_clusters", ClusterStates=["STARTING"])
    except EngineError as error:
        return (Check("EMR", False, str(error), "set AWS credentials that may use EMR in this region"),)
    return (
        Check("EMR", True, f"answers in {settings.region}"),
        _at_s3("exchange", exchange, "set exchange_root to an s3:// address that clusters reach"),
        _at_s3("logs", log_uri, "set engines.emr.log_uri to an s3:// address"),
        *_network(clients, settings.network),
        *_machine(clients, settings),
        *_existing(emr, settings.cluster),
    )


def _at_s3(subject: str, address: str, remedy: str) -> Check:
    good = address.startswith("s3://")
    return Check(subject, good, address or "none", "" if good else remedy)


def _network(clients: Clients, network: Network) -> Iterator[Check]:
    if not network.subnets:
        yield Check("subnets", True, "none named: EMR uses the default VPC")
        return
    ec2, vpcs = clients("ec2"), set()
    found: dict[str, str] = {}
    for subnet in network.subnets:
        try:
            there = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]
        except (ClientError, BotoCoreError) as error:
            yield Check(f"subnet {subnet}", False, str(error), f"correct engines.emr.network.subnets: {subnet}")
            continue
        vpcs.add(str(there["VpcId"]))
        found[subnet] = str(there["VpcId"])
        yield Check(f"subnet {subnet}", True, f"in {there['VpcId']}, {there['AvailabilityZone']}")
    groups = (network.primary_security_group, network.worker_security_group, network.service_access_security_group)
    for group in filter(None, groups):
        try:
            there = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
        except (ClientError, BotoCoreError) as error:
            yield Check(f"security group {group}", False, str(error), f"correct engines.emr.network: {group}")
            continue
        vpcs.add(str(there["VpcId"]))
        yield Check(f"security group {group}", True, f"in {there['VpcId']}")
    if len(vpcs) > 1:
        yield Check("VPC", False, f"subnets and groups lie in {', '.join(sorted(vpcs))}", "name those of one VPC")
    for subnet, vpc in found.items():
        yield _way_to_s3(ec2, subnet, vpc)


def _way_to_s3(ec2: Any, subnet: str, vpc: str) -> Check:
    subject = f"way to S3 from {subnet}"
    try:
        table = _route_table(ec2, subnet, vpc)
        filters = [{"Name": "vpc-id", "Values": [vpc]}]
        endpoints = ec2.describe_vpc_endpoints(Filters=filters)["VpcEndpoints"]
    except (ClientError, BotoCoreError) as error:
        return Check(subject, False, str(error), "let this account describe route tables and VPC endpoints")
    routes = table.get("Routes", [])
    for endpoint in endpoints:
        if endpoint["ServiceName"].endswith(".s3") and table["RouteTableId"] in endpoint.get("RouteTableIds", []):
            return Check(subject, True, f"by endpoint {endpoint['VpcEndpointId']}")
    for route in routes:
        gateway = route.get("NatGatewayId") or route.get("GatewayId") or route.get("TransitGatewayId")
        if route.get("DestinationCidrBlock") == "0.0.0.0/0" and gateway and gateway != "local":
            return Check(subject, True, f"by {gateway}")
    return Check(
        subject,
        False,
        f"route table {table['RouteTableId']} leads neither to an S3 endpoint nor out",
        f"add a gateway endpoint for S3 to {table['RouteTableId']}",
    )


def _route_table(ec2: Any, subnet: str, vpc: str) -> dict[str, Any]:
    own = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["RouteTables"]
    if own:
        return dict(own[0])
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
    return dict(ec2.describe_route_tables(Filters=filters)["RouteTables"][0])


def _machine(clients: Clients, settings: EmrSettings) -> Iterator[Check]:
    iam = clients("iam")
    profile, role = settings.machine.instance_profile, settings.service_role
    asked: tuple[tuple[str, str, Callable[[], Any]], ...] = (
        ("instance profile", profile, lambda: iam.get_instance_profile(InstanceProfileName=profile)),
        ("service role", role, lambda: iam.get_role(RoleName=role)),
    )
    for subject, name, ask in asked:
        try:
            ask()
            yield Check(f"{subject} {name}", True, "exists")
        except (ClientError, BotoCoreError) as error:
            yield Check(f"{subject} {name}", False, str(error), f"make {name}, or name another in engines.emr")
    if settings.machine.image:
        image = settings.machine.image
        try:
            there = clients("ec2").describe_images(ImageIds=[image])["Images"]
            good = bool(there) and there[0].get("Architecture") == settings.architecture
            fact = f"is {there[0].get('Architecture')}" if there else "does not exist"
        except (ClientError, BotoCoreError) as error:
            good, fact = False, str(error)
        yield Check(f"image {image}", good, fact, "" if good else "correct engines.emr.machine.image")


def _existing(emr: EmrClient, cluster: str | None) -> Iterator[Check]:
    if cluster is None:
        return
    try:
        state = emr.call("describe_cluster", ClusterId=cluster)["Cluster"]["Status"]["State"]
    except EngineError as error:
        yield Check(f"cluster {cluster}", False, str(error), "correct engines.emr.cluster")
        return
    good = state in ("RUNNING", "WAITING", "STARTING", "BOOTSTRAPPING")
    yield Check(f"cluster {cluster}", good, f"is {state}", "" if good else "start it, or name another")
