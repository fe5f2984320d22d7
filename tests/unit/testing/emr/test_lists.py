import pytest
from tests.unit.testing.emr.asking import cluster, fleet, run, started, step

from engineshed.testing.emr import EmrDouble
from engineshed.testing.emr.refusals import Refusal


def pages(double, operation, name, **parameters):
    """All pages of a list, walked by their markers."""
    found, marker = [], {}
    while True:
        answer = double.call(operation, **parameters, **marker)
        found.append(answer[name])
        if "Marker" not in answer:
            return found
        marker = {"Marker": answer["Marker"]}


def test_clusters_come_newest_first_in_pages_and_without_tags():
    with EmrDouble(page_size=2) as double:
        ids = [run(double, cluster(Tags=[{"Key": "n", "Value": str(n)}])) for n in range(5)]
        found = pages(double, "ListClusters", "Clusters")
        assert [[c["Id"] for c in page] for page in found] == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]
        assert not any("Tags" in summary for page in found for summary in page)


def test_a_cluster_that_comes_between_two_pages_moves_nothing():
    with EmrDouble(page_size=2) as double:
        ids = [run(double, cluster()) for _ in range(4)]
        first = double.call("ListClusters")
        run(double, cluster())
        second = double.call("ListClusters", Marker=first["Marker"])
        assert [c["Id"] for c in (*first["Clusters"], *second["Clusters"])] == list(reversed(ids))


def test_clusters_are_filtered_by_state_and_by_time():
    with EmrDouble() as double:
        old = run(double, cluster())
        double.clock.sleep(3600)
        middle = double.clock.now()
        new = run(double, cluster(keep=True))
        by_state = double.call("ListClusters", ClusterStates=["STARTING", "BOOTSTRAPPING"])["Clusters"]
        assert [c["Id"] for c in by_state] == [new]
        assert [c["Id"] for c in double.call("ListClusters", CreatedAfter=middle.timestamp())["Clusters"]] == [new]
        assert [c["Id"] for c in double.call("ListClusters", CreatedBefore=middle.timestamp() - 1)["Clusters"]] == [old]


def test_steps_come_newest_first_and_by_id():
    with EmrDouble(page_size=2) as double:
        cluster_id = started(double, cluster(keep=True, steps=[step(str(n)) for n in range(3)]))
        found = pages(double, "ListSteps", "Steps", ClusterId=cluster_id)
        assert [[s["Name"] for s in page] for page in found] == [["2", "1"], ["0"]]
        wanted = [found[1][0]["Id"], found[0][0]["Id"]]
        by_id = double.call("ListSteps", ClusterId=cluster_id, StepIds=wanted)["Steps"]
        assert [s["Name"] for s in by_id] == ["0", "2"]
        running = double.call("ListSteps", ClusterId=cluster_id, StepStates=["RUNNING"])["Steps"]
        assert [s["Name"] for s in running] == ["0"]


def test_instances_and_types_come_in_pages_too():
    with EmrDouble(page_size=2) as double:
        cluster_id = started(double, cluster(fleet("CORE", on_demand=4), keep=True))
        assert [len(page) for page in pages(double, "ListInstances", "Instances", ClusterId=cluster_id)] == [2, 2, 1]
    with EmrDouble() as double:
        found = pages(double, "ListSupportedInstanceTypes", "SupportedInstanceTypes", ReleaseLabel="emr-7.5.0")
        types = {entry["Type"]: entry for page in found for entry in page}
        assert len(types) == sum(len(page) for page in found) > 300
        assert (types["m6g.xlarge"]["Architecture"], types["m6g.xlarge"]["VCPU"]) == ("AARCH64", 4)


def test_a_marker_is_good_for_its_own_list_only():
    with EmrDouble(page_size=1) as double:
        cluster_id = run(double, cluster(steps=[step("one"), step("two")]))
        marker = double.call("ListSteps", ClusterId=cluster_id)["Marker"]
        for wrong in (marker, "nonsense"):
            with pytest.raises(Refusal, match="is not valid"):
                double.call("ListClusters", Marker=wrong)


def test_releases_are_those_of_the_region():
    with EmrDouble() as double:
        found = double.call("ListReleaseLabels", Filters={"Prefix": "emr-7.5"})["ReleaseLabels"]
        assert found == ["emr-7.5.0"]
