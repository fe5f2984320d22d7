from hypothesis import given
from hypothesis import strategies as st

from engineshed.testing.emr.executing.configurations import conf_of, conf_text, of_cluster


def request(*configurations, **instances):
    return {"Configurations": list(configurations), "Instances": instances}


def exports(**values):
    nested = {"Classification": "export", "Properties": values}
    return {"Classification": "spark-env", "Properties": {}, "Configurations": [nested]}


def defaults(**values):
    return {"Classification": "spark-defaults", "Properties": values}


def test_exports_and_defaults_are_found_and_the_rest_is_taken():
    found = of_cluster(
        request(exports(A="1"), defaults(x="2"), {"Classification": "hive-site", "Properties": {"y": "3"}})
    )
    assert (found.exports, found.defaults, found.am_attempts) == ({"A": "1"}, {"x": "2"}, 2)


def test_properties_beside_export_are_no_variables():
    wrong = {"Classification": "spark-env", "Properties": {"A": "1"}}
    assert of_cluster(request(wrong)).exports == {}


def test_a_classification_that_comes_twice_is_merged_and_the_masters_own_counts_most():
    fleet = {
        "InstanceFleetType": "MASTER",
        "InstanceTypeConfigs": [{"InstanceType": "m5.xlarge", "Configurations": [exports(B="fleet")]}],
    }
    core = {"InstanceFleetType": "CORE", "InstanceTypeConfigs": [{"Configurations": [exports(A="core")]}]}
    found = of_cluster(request(exports(A="1", B="1"), exports(A="2"), InstanceFleets=[fleet, core]))
    assert found.exports == {"A": "2", "B": "fleet"}
    group = {"InstanceRole": "MASTER", "Configurations": [defaults(x="group")]}
    assert of_cluster(request(defaults(x="1"), InstanceGroups=[group])).defaults == {"x": "group"}


def test_yarn_says_how_often_an_application_is_tried():
    site = {"Classification": "yarn-site", "Properties": {"yarn.resourcemanager.am.max-attempts": "1"}}
    assert of_cluster(request(site)).am_attempts == 1


def test_emrs_own_python_is_the_machines():
    found = of_cluster(request(exports(PYSPARK_DRIVER_PYTHON="/usr/bin/python3", OTHER="/usr/bin/python3")))
    named = found.with_python("/cluster/bin/python3")
    assert named.exports == {
        "PYSPARK_PYTHON": "/cluster/bin/python3",
        "PYSPARK_DRIVER_PYTHON": "/cluster/bin/python3",
        "OTHER": "/usr/bin/python3",
    }
    own = of_cluster(request(exports(PYSPARK_PYTHON="./environment/bin/python"))).with_python("/cluster/bin/python3")
    assert own.exports == {"PYSPARK_PYTHON": "./environment/bin/python"}


def test_values_of_spark_env_are_written_as_they_are():
    assert of_cluster(request(exports(A='"two words"'))).spark_env() == 'export A="two words"\n'


NAMES = st.from_regex(r"spark\.[a-zA-Z.]{1,20}", fullmatch=True)
VALUES = st.from_regex(r"[a-zA-Z0-9/:,=\[\] .-]{0,30}", fullmatch=True).map(str.strip)


@given(st.dictionaries(NAMES, VALUES))
def test_what_is_written_to_spark_defaults_is_read_again(settings):
    assert conf_of(conf_text(settings)) == settings


def test_sparks_other_ways_of_writing_are_read():
    assert conf_of("# no\n! no\n\nspark.a=1\nspark.b\t2 3\n  spark.c   x=y \n") == {
        "spark.a": "1",
        "spark.b": "2 3",
        "spark.c": "x=y",
    }
