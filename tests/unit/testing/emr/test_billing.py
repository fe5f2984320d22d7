from decimal import Decimal

from tests.unit.testing.emr.asking import cluster, fleet, run, step

from engineshed.testing.emr import EmrDouble, Prices, Script

EBS = {
    "EbsBlockDeviceConfigs": [{"VolumeSpecification": {"VolumeType": "gp3", "SizeInGB": 300}, "VolumesPerInstance": 2}]
}
PRICES = Prices(
    compute={
        ("m5.xlarge", "ON_DEMAND"): Decimal("0.192"),
        ("m5.2xlarge", "ON_DEMAND"): Decimal("0.384"),
        ("m5.2xlarge", "SPOT"): Decimal("0.150"),
    },
    surcharge={"m5.xlarge": Decimal("0.048"), "m5.2xlarge": Decimal("0.096")},
    ebs_gib_month=Decimal("0.08"),
)


def test_a_transient_cluster_costs_what_is_reckoned_by_hand():
    # Machines come at 75 s. The step ends at 75 + 60 + 150 + 3370 = 3655 s, the cluster at 3655 + 5 + 90 = 3750 s.
    core = fleet("CORE", on_demand=1, spot=2, types=[{"InstanceType": "m5.2xlarge", "EbsConfiguration": EBS}])
    with EmrDouble(scripts=Script(lasts_s=3370)) as double:
        run(double, cluster(core, steps=[step()]))
        double.clock.sleep(24 * 3600)
        bill = double.cost(PRICES)
        hours = Decimal(3675) / 3600
        assert round(bill.compute - (Decimal("0.192") + Decimal("0.384") + 2 * Decimal("0.150")) * hours, 20) == 0
        assert round(bill.surcharge - (Decimal("0.048") + 3 * Decimal("0.096")) * hours, 20) == 0
        # 1,800 GiB for 3675 s of a month of 2,592,000 s.
        assert round(bill.storage - Decimal("0.08") * 1800 * 3675 / 2_592_000, 20) == 0
        assert bill.total == bill.compute + bill.surcharge + bill.storage


def test_what_runs_is_billed_until_now():
    with EmrDouble() as double:
        run(double, cluster(fleet("CORE", on_demand=2), keep=True))
        assert double.billing_now() == []
        double.clock.sleep(75 + 1800)
        assert [found.instance_type for found in double.billing_now()] == ["m5.xlarge", "m5.2xlarge", "m5.2xlarge"]
        assert double.cost(PRICES).compute == (Decimal("0.192") + 2 * Decimal("0.384")) / 2


def test_a_minute_is_the_least():
    with EmrDouble() as double:
        cluster_id = run(double, cluster(fleet("CORE", on_demand=1), keep=True))
        double.clock.sleep(80)
        assert double.cost(PRICES).surcharge == (Decimal("0.048") + Decimal("0.096")) / 60
        double.call("TerminateJobFlows", JobFlowIds=[cluster_id])
        double.clock.sleep(90)
        assert double.billing_now() == []


def test_the_books_hold_every_submission_as_it_was_asked_for():
    with EmrDouble() as double:
        asked = cluster(steps=[step("one", "spark-submit", "s3://jobs/a.py")], Tags=[{"Key": "team", "Value": "graph"}])
        cluster_id = run(double, asked)
        double.call("AddJobFlowSteps", JobFlowId=cluster_id, Steps=[step("two", "bash", "-c", "true")])
        asked["Name"] = "changed by the caller afterwards"
        (found,) = double.submissions
        assert (found.id, found.name, found.tags) == (cluster_id, "nightly", {"team": "graph"})
        assert found.request["Steps"][0]["HadoopJarStep"]["Args"] == ["spark-submit", "s3://jobs/a.py"]
        assert [(s.name, s.args) for s in found.steps] == [
            ("one", ("spark-submit", "s3://jobs/a.py")),
            ("two", ("bash", "-c", "true")),
        ]
