import pytest
from tests.unit.testing.emr.asking import cluster, fleet, run, started, state

from engineshed.testing.emr import CallFault, CallTrouble, ClusterFault, ClusterTrouble, EmrDouble, Faults
from engineshed.testing.emr.account import ConnectionLost
from engineshed.testing.emr.refusals import Refusal


def outcomes(double, operation="ListClusters", times=5):
    for _ in range(times):
        try:
            double.call(operation)
        except (Refusal, ConnectionLost):
            continue
    return [call.outcome for call in double.calls if call.operation == operation]


@pytest.mark.parametrize(
    ("trouble", "code", "status"),
    [
        (CallTrouble.THROTTLED, "ThrottlingException", 400),
        (CallTrouble.INTERNAL, "InternalServerException", 500),
        (CallTrouble.UNAVAILABLE, "ServiceUnavailable", 503),
        (CallTrouble.EXPIRED, "ExpiredTokenException", 400),
        (CallTrouble.DENIED, "AccessDeniedException", 400),
    ],
)
def test_a_fault_answers_with_the_vendors_code(trouble, code, status):
    with EmrDouble(faults=Faults(calls=(CallFault(trouble=trouble),))) as double:
        with pytest.raises(Refusal) as refused:
            double.call("ListClusters")
        assert (refused.value.code, refused.value.status) == (code, status)
        assert double.call("ListClusters") == {"Clusters": []}


def test_the_older_operations_have_another_internal_error():
    with EmrDouble(faults=Faults(calls=(CallFault(trouble=CallTrouble.INTERNAL),))) as double:
        with pytest.raises(Refusal) as refused:
            run(double, cluster())
        assert refused.value.code == "InternalServerError"


def test_some_calls_pass_before_and_some_after():
    fault = CallFault(trouble=CallTrouble.THROTTLED, on="^List", after=1, times=2)
    with EmrDouble(faults=Faults(calls=(fault,))) as double:
        assert outcomes(double) == ["ok", "ThrottlingException", "ThrottlingException", "ok", "ok"]
        run(double, cluster())


def test_a_fault_can_last_for_a_time():
    fault = CallFault(trouble=CallTrouble.UNAVAILABLE, times=0, lasting_s=120)
    with EmrDouble(faults=Faults(calls=(fault,))) as double:
        assert set(outcomes(double)) == {"ServiceUnavailable"}
        double.clock.sleep(119)
        assert outcomes(double, times=1)[-1] == "ServiceUnavailable"
        double.clock.sleep(1)
        assert outcomes(double, times=1)[-1] == "ok"


def test_a_lost_reply_has_happened_and_a_lost_request_has_not():
    faults = (
        CallFault(trouble=CallTrouble.LOST_REPLY, on="RunJobFlow"),
        CallFault(trouble=CallTrouble.LOST_REQUEST, on="RunJobFlow", after=1),
    )
    with EmrDouble(faults=Faults(calls=faults)) as double:
        for _ in range(2):
            with pytest.raises(ConnectionLost):
                run(double, cluster())
        assert len(double.submissions) == 1
        run(double, cluster())
        assert len(double.submissions) == 2


def test_another_plan_can_come_at_any_time():
    with EmrDouble() as double:
        assert outcomes(double, times=1) == ["ok"]
        double.plan(Faults(calls=(CallFault(trouble=CallTrouble.DENIED, times=0),)))
        assert outcomes(double, times=1)[-1] == "AccessDeniedException"
        double.plan(Faults())
        assert outcomes(double, times=1)[-1] == "ok"


def test_a_fault_can_strike_at_once():
    with EmrDouble() as double:
        cluster_id = started(double, cluster(fleet("CORE", spot=3), keep=True))
        double.strike(cluster_id, ClusterFault(trouble=ClusterTrouble.SPOT_LOSS, count=2))
        assert len(double.billing_now()) == 2
        double.strike(cluster_id, ClusterFault(trouble=ClusterTrouble.NO_CAPACITY))
        double.clock.sleep(3600)
        assert len(double.billing_now()) == 2
        double.strike(cluster_id, ClusterFault(trouble=ClusterTrouble.ENDED_BY_PERSON))
        assert state(double, cluster_id) == "TERMINATING"
