import pytest

from engineshed.testing.emr.commands import submission
from engineshed.testing.emr.commands.submission import CommandInvalid


def read(line):
    return submission.read(line.split())


def test_all_after_the_application_is_its_own():
    found = read("--master yarn s3://jobs/a.py --master local --conf x=y -- z")
    assert (found.application, found.settings) == ("s3://jobs/a.py", {"spark.master": "yarn"})
    assert found.arguments == ("--master", "local", "--conf", "x=y", "--", "z")


def test_options_stand_for_settings_or_for_themselves():
    found = read(
        "--deploy-mode cluster --name n --conf spark.x=a=b -c spark.y=1 --driver-memory=4g --num-executors 3 "
        "--verbose --properties-file f.conf app.py"
    )
    assert found.settings == {
        "spark.submit.deployMode": "cluster",
        "spark.app.name": "n",
        "spark.x": "a=b",
        "spark.y": "1",
        "spark.driver.memory": "4g",
    }
    assert found.options == (("--num-executors", "3"),)
    assert (found.switches, found.properties_file) == (("--verbose",), "f.conf")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--conf spark.x app.py", "without '='"),
        ("--name", "Missing argument for option '--name'"),
        ("--name n", "Missing application resource"),
    ],
)
def test_a_wrong_line_is_refused(line, said):
    with pytest.raises(CommandInvalid, match=said):
        read(line)


def test_version_needs_no_application():
    assert read("--version").application == ""


def test_the_command_line_comes_before_the_defaults_and_yarns_lists_are_sparks():
    found = submission.effective(
        read("--files a.txt --conf spark.x=1 app.py"),
        {"spark.x": "0", "spark.z": "0", "spark.yarn.dist.files": "b.txt", "spark.yarn.dist.archives": "c.zip"},
    )
    assert found == {"spark.files": "a.txt,b.txt", "spark.archives": "c.zip", "spark.x": "1", "spark.z": "0"}


def test_a_line_is_written_anew_with_all_its_settings():
    asked = read("--num-executors 3 --verbose app.py x")
    assert submission.written({"spark.a": "1"}, asked) == [
        "--conf", "spark.a=1", "--num-executors", "3", "--verbose", "app.py", "x",
    ]  # fmt: skip


def test_addresses_have_the_names_under_which_they_arrive():
    assert submission.elements("s3://b/k/env.tar.gz#environment, s3://b/x.py,,/local/y.txt") == [
        ("s3://b/k/env.tar.gz", "environment"),
        ("s3://b/x.py", "x.py"),
        ("/local/y.txt", "y.txt"),
    ]
