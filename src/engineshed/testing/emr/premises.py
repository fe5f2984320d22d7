"""What an account must have before a cluster fits into it: a VPC, subnets, security groups, a way to S3, roles.

Made in moto by the calls with which an administrator would make it in AWS, so that what looks for it asks EC2 and IAM.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from engineshed.testing.emr.neighbours import REGION, Neighbours


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """Ids and names. public_subnet has a route out; private_subnet reaches S3 by the endpoint alone."""

    vpc: str
    public_subnet: str
    private_subnet: str
    master_group: str
    worker_group: str
    service_group: str
    s3_endpoint: str
    image: str
    service_role: str
    instance_profile: str

    def instances(self) -> dict[str, Any]:
        """Members of `Instances` that put a cluster there."""
        return {
            "Ec2SubnetIds": [self.private_subnet],
            "EmrManagedMasterSecurityGroup": self.master_group,
            "EmrManagedSlaveSecurityGroup": self.worker_group,
            "ServiceAccessSecurityGroup": self.service_group,
        }


def furnish(neighbours: Neighbours, *, way_to_s3: bool = True) -> Premises:
    """Make it all. way_to_s3: whether there is the endpoint that the private subnet needs."""
    ec2 = neighbours.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    public, private = (_subnet(ec2, vpc, f"10.7.{number}.0/24") for number in (0, 1))
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    out, inner = _table(ec2, vpc, public), _table(ec2, vpc, private)
    ec2.create_route(RouteTableId=out, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    endpoint = ""
    if way_to_s3:
        service = f"com.amazonaws.{REGION}.s3"
        made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service, RouteTableIds=[inner], VpcEndpointType="Gateway")
        endpoint = made["VpcEndpoint"]["VpcEndpointId"]
    groups = [_group(ec2, vpc, name) for name in ("master", "worker", "service-access")]
    return Premises(
        vpc=vpc,
        public_subnet=public,
        private_subnet=private,
        master_group=groups[0],
        worker_group=groups[1],
        service_group=groups[2],
        s3_endpoint=endpoint,
        image=_image(ec2),
        **_roles(neighbours.client("iam")),
    )


def _subnet(ec2: Any, vpc: str, block: str) -> str:
    made = ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=f"{REGION}a")
    return str(made["Subnet"]["SubnetId"])


def _table(ec2: Any, vpc: str, subnet: str) -> str:
    table = str(ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"])
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    return table


def _group(ec2: Any, vpc: str, name: str) -> str:
    return str(ec2.create_security_group(GroupName=f"{vpc}-{name}", Description=name, VpcId=vpc)["GroupId"])


def _image(ec2: Any) -> str:
    # One of those that moto has: it does not keep the architecture of one that is registered.
    found = ec2.describe_images(Filters=[{"Name": "architecture", "Values": ["x86_64"]}])["Images"]
    return str(found[0]["ImageId"])


def _roles(iam: Any) -> dict[str, str]:
    """The service's role, and the machines' profile with its role; no error when they are there."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    names = {"service_role": "EMR_DefaultRole", "instance_profile": "EMR_EC2_DefaultRole"}
    for name in names.values():
        try:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        except iam.exceptions.EntityAlreadyExistsException:
            return names
    iam.create_instance_profile(InstanceProfileName=names["instance_profile"])
    iam.add_role_to_instance_profile(InstanceProfileName=names["instance_profile"], RoleName=names["instance_profile"])
    return names
