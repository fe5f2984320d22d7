import pytest

from engineshed.testing.emr import wire
from engineshed.testing.emr.refusals import Refusal
from engineshed.testing.emr.wire import AnswerInvalid

STATUS = {"State": "WAITING", "StateChangeReason": {}, "Timeline": {}}


def test_an_answer_that_botocores_shape_holds_passes():
    answer = {"Cluster": {"Id": "j-1", "Status": STATUS}}
    assert wire.answered("DescribeCluster", answer) is answer


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("DescribeCluster", {"Cluster": {"Id": "j-1", "Status": {"State": "RESTING"}}}),
        ("DescribeCluster", {"Cluster": {"Id": 1}}),
        ("DescribeCluster", {"Cluster": {"Colour": "red"}}),
        ("DescribeCluster", {"Cluster": {"AutoTerminate": "yes"}}),
        ("ListSteps", {"Steps": {"Id": "s-1"}}),
        ("ListInstances", {"Instances": [{"Status": {"Timeline": {"EndDateTime": "today"}}}]}),
        ("TerminateJobFlows", {"JobFlowIds": []}),
    ],
)
def test_an_answer_that_emr_could_not_give_is_a_bug(operation, answer):
    with pytest.raises(AnswerInvalid):
        wire.answered(operation, answer)


def test_nested_configurations_are_followed_down():
    deep = [{"Classification": "spark-env", "Configurations": [{"Classification": "export", "Properties": {"A": 1}}]}]
    with pytest.raises(Refusal, match=r"configurations\.1\.member\.configurations\.1\.member\.properties\.A\.member"):
        wire.checked("RunJobFlow", {"Name": "x", "Instances": {}, "Configurations": deep})
