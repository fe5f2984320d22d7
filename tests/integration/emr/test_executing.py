"""Steps and bootstrap actions as real processes: what they find, what becomes of them, what they leave behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.integration.emr.conftest import MakeShed, Shed, pick, step, until

from engineshed.testing.emr import ClusterFault, ClusterTrouble, Faults, Machines, Pace


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def written(path: Path) -> str:
    """A file's text, waited for."""
    return str(until(lambda: path.is_file() and path.read_text()))


def test_a_step_finds_emrs_surroundings_and_nothing_of_ours(shed: Shed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THIS_SHELL", "1")
    say = 'pwd; ls -A; echo "$HOME $USER $EMR_CLUSTER_ID $EMR_STEP_ID"; echo "<$SECRET_OF_THIS_SHELL>"; python3.11 -V'
    cluster_id = shed.run(step("look", "bash", "-c", say))
    assert shed.ended(cluster_id)["State"] == "TERMINATED"
    step_id = shed.steps(cluster_id)[0]["Id"]
    folder, names, nothing, python = shed.step_log(cluster_id).splitlines()
    # A fresh folder: `ls -A` says nothing, not even a line.
    assert folder == f"/mnt/var/lib/hadoop/steps/{step_id}"
    assert names == f"/home/hadoop hadoop {cluster_id} {step_id}"
    assert nothing == "<>"
    assert python.startswith("Python 3")


def test_arguments_arrive_verbatim(shed: Shed) -> None:
    odd = ["a b", "$HOME", "'quoted'", '"', "", "*", "back\\slash", "ünï"]
    script = "import sys; print(sys.argv[1:])"
    cluster_id = shed.run(step("echo", "python3", "-c", script, *odd))
    shed.ended(cluster_id)
    assert shed.step_log(cluster_id).strip() == str(odd)


def test_what_one_cluster_writes_no_other_finds(shed: Shed) -> None:
    write = "sudo mkdir -p /usr/local/ours && touch /usr/local/ours/it /mnt/tmp/it /usr/local/bin/it /home/hadoop/it"
    read = "ls /usr/local/ours /mnt/tmp; ls /usr/local/bin | grep -x it; ls /home/hadoop"
    one, other = shed.run(step("write", "bash", "-c", write), step("read", "bash", "-c", read)), ""
    shed.ended(one)
    assert shed.step_log(one, 1).split() == ["/mnt/tmp:", "it", "/usr/local/ours:", "it", "it", "it"]
    other = shed.run(step("read", "bash", "-c", read))
    shed.ended(other)
    assert "it" not in shed.step_log(other).split()
    assert not Path("/usr/local/ours").exists()


def test_bootstrap_actions_run_in_order_before_the_first_step(shed: Shed) -> None:
    body = "#!/bin/bash\nset -e\naws s3 cp s3://jobs/boot/list.txt /mnt/list.txt\necho $1 >> /mnt/order.txt\n"
    shed.put("boot/list.txt", "numpy\n")
    address = shed.put("boot/install.sh", body)
    actions = [{"Name": n, "ScriptBootstrapAction": {"Path": address, "Args": [n]}} for n in ("one", "two")]
    cluster_id = shed.run(step("read", "cat", "/mnt/list.txt", "/mnt/order.txt"), BootstrapActions=actions)
    assert shed.ended(cluster_id)["State"] == "TERMINATED"
    assert shed.step_log(cluster_id).split() == ["numpy", "one", "two"]
    master = shed.emr.list_instances(ClusterId=cluster_id)["Instances"][0]["Ec2InstanceId"]
    shed.double.deliver_logs(cluster_id)
    found = shed.logs(cluster_id, f"node/{master}/bootstrap-actions")
    assert sorted(found) == [f"{n}/{name}.gz" for n in (1, 2) for name in ("controller", "stderr", "stdout")]


@pytest.mark.parametrize(
    ("address", "detail"),
    [
        ("boot/fails.sh", "BOOTSTRAP_FAILURE_PRIMARY_WITH_NON_ZERO_CODE"),
        ("boot/nowhere.sh", "BOOTSTRAP_FAILURE_BA_DOWNLOAD_FAILED_PRIMARY"),
    ],
)
def test_a_failing_bootstrap_action_ends_the_cluster(shed: Shed, address: str, detail: str) -> None:
    shed.put("boot/fails.sh", "echo trying\nexit 7\n")
    actions = [{"Name": "x", "ScriptBootstrapAction": {"Path": f"s3://jobs/{address}"}}]
    cluster_id = shed.run(step("never", "true"), BootstrapActions=actions)
    end = shed.ended(cluster_id)
    assert (end["State"], end["StateChangeReason"]["Code"]) == ("TERMINATED_WITH_ERRORS", "BOOTSTRAP_FAILURE")
    assert end["ErrorDetails"][0]["ErrorCode"] == detail
    assert end["ErrorDetails"][0]["ErrorData"][0]["bootstrap-action"] == "1"
    assert shed.states(cluster_id) == ["CANCELLED"]


def test_a_failed_step_says_where_emr_has_looked(shed: Shed) -> None:
    script = "raise ValueError('no such crawl')"
    cluster_id = shed.run(step("fails", "python3", "-c", script), step("after", "true"))
    end = shed.ended(cluster_id)
    assert (end["State"], end["StateChangeReason"]["Message"]) == ("TERMINATED", "Steps completed with errors")
    failed, after = shed.steps(cluster_id)
    assert (failed["Status"]["State"], after["Status"]["State"]) == ("FAILED", "COMPLETED")
    details = failed["Status"]["FailureDetails"]
    assert details["Message"] == "ValueError: no such crawl"
    assert details["LogFile"] == f"s3://jobs/logs/{cluster_id}/steps/{failed['Id']}/stderr.gz"
    assert "exit code 1" in shed.step_log(cluster_id, 0, "controller.gz")


def test_a_program_that_is_not_there_fails_its_step(shed: Shed) -> None:
    cluster_id = shed.run(step("fails", "no-such-program"), step("jar", "true"))
    shed.ended(cluster_id)
    assert shed.states(cluster_id) == ["FAILED", "COMPLETED"]
    assert 'Cannot run program "no-such-program"' in shed.step_log(cluster_id, 0, "stderr.gz")


def test_script_runner_fetches_its_script(shed: Shed) -> None:
    address = shed.put("run/hello.sh", "#!/bin/sh\necho hello $1\n")
    jar = {"Jar": "s3://us-east-1.elasticmapreduce/libs/script-runner/script-runner.jar", "Args": [address, "world"]}
    cluster_id = shed.run({"Name": "script", "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar})
    shed.ended(cluster_id)
    assert shed.step_log(cluster_id) == "hello world\n"


WAITS = """
import signal, subprocess, sys, time
def on_term(number, frame):
    open(sys.argv[1] + "/term", "w").write("heard")
    if len(sys.argv) < 3: sys.exit(0)
signal.signal(signal.SIGTERM, on_term)
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
import os
open(sys.argv[1] + "/pids", "w").write(f"{os.getpid()} {child.pid}")
while True: time.sleep(0.05)
"""


def waiting(shed: Shed, folder: Path, *more: str, **kwargs: object) -> tuple[str, str, int, int]:
    """A cluster with a step that waits: their ids, the step's process and its child."""
    cluster_id = shed.run(step("waits", "python3", "-c", WAITS, str(folder), *more), **kwargs)
    pid, child = map(int, written(folder / "pids").split())
    return cluster_id, shed.steps(cluster_id)[0]["Id"], pid, child


def test_an_interrupt_is_a_sigterm_to_the_steps_own_process(shed: Shed, tmp_path: Path) -> None:
    cluster_id, step_id, pid, child = waiting(shed, tmp_path, keep=True)
    shed.emr.cancel_steps(ClusterId=cluster_id, StepIds=[step_id], StepCancellationOption="SEND_INTERRUPT")
    until(lambda: shed.states(cluster_id) == ["CANCELLED"])
    assert written(tmp_path / "term") == "heard"
    assert not alive(pid)
    # What the step has left behind goes with the cluster, not with the step.
    assert alive(child)
    shed.emr.terminate_job_flows(JobFlowIds=[cluster_id])
    shed.ended(cluster_id)
    until(lambda: not alive(child))


def test_force_ends_all_that_came_of_a_step(shed: Shed, tmp_path: Path) -> None:
    cluster_id, step_id, pid, child = waiting(shed, tmp_path, "deaf", keep=True)
    shed.emr.cancel_steps(ClusterId=cluster_id, StepIds=[step_id])
    assert written(tmp_path / "term") == "heard"
    assert shed.states(cluster_id) == ["CANCEL_PENDING"]
    shed.emr.cancel_steps(ClusterId=cluster_id, StepIds=[step_id], StepCancellationOption="TERMINATE_PROCESS")
    until(lambda: shed.states(cluster_id) == ["CANCELLED"])
    until(lambda: not alive(pid) and not alive(child))
    assert until(lambda: shed.state(cluster_id) == "WAITING")


def test_terminating_a_cluster_ends_its_processes(shed: Shed, tmp_path: Path) -> None:
    cluster_id, _, pid, child = waiting(shed, tmp_path)
    shed.emr.terminate_job_flows(JobFlowIds=[cluster_id])
    assert shed.states(cluster_id) == ["CANCELLED"]
    assert shed.ended(cluster_id)["StateChangeReason"]["Code"] == "USER_REQUEST"
    until(lambda: not alive(pid) and not alive(child))
    assert shed.double.billing_now() == []


def test_closing_the_double_ends_everything(make_shed: MakeShed, tmp_path: Path) -> None:
    shed = make_shed()
    _, _, pid, child = waiting(shed, tmp_path)
    shed.double.close()
    until(lambda: not alive(pid) and not alive(child))


def test_a_lost_machine_breaks_the_step_that_runs(make_shed: MakeShed, tmp_path: Path) -> None:
    fault = ClusterFault(trouble=ClusterTrouble.MASTER_LOST, at_s=1)
    shed = make_shed(faults=Faults(clusters=(fault,)))
    cluster_id, _, pid, _ = waiting(shed, tmp_path)
    end = shed.ended(cluster_id)
    assert (end["State"], end["StateChangeReason"]["Code"]) == ("TERMINATED_WITH_ERRORS", "INSTANCE_FAILURE")
    assert shed.states(cluster_id) == ["INTERRUPTED"]
    until(lambda: not alive(pid))


def test_logs_arrive_while_the_step_runs_and_grow_as_whole_objects(make_shed: MakeShed, tmp_path: Path) -> None:
    shed = make_shed(pace=Pace(log_push_s=100))
    say = f"echo first; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; echo second"
    cluster_id = shed.run(step("says", "bash", "-c", say))
    until(lambda: shed.states(cluster_id) == ["RUNNING"])
    step_id = shed.steps(cluster_id)[0]["Id"]
    until(lambda: shed.logs(cluster_id, f"steps/{step_id}").get("stdout.gz") == "first\n")
    assert shed.states(cluster_id) == ["RUNNING"]
    (tmp_path / "go").touch()
    shed.ended(cluster_id)
    until(lambda: shed.logs(cluster_id, f"steps/{step_id}").get("stdout.gz") == "first\nsecond\n")
    names = sorted(shed.logs(cluster_id, f"steps/{step_id}"))
    assert names == ["controller.gz", "stderr.gz", "stdout.gz", "syslog.gz"]


def test_slow_logs_come_after_the_end(make_shed: MakeShed) -> None:
    shed = make_shed(faults=Faults(log_push_s=2))
    cluster_id = shed.run(step("says", "echo", "words"))
    shed.ended(cluster_id)
    assert shed.logs(cluster_id, "steps") == {}
    until(lambda: "words\n" in shed.logs(cluster_id, "steps").values())


def test_a_cluster_without_log_uri_has_no_logs(shed: Shed) -> None:
    body = {"LogUri": ""}
    cluster_id = shed.run(step("says", "echo", "words"), **body)
    shed.ended(cluster_id)
    assert "LogUri" not in shed.emr.describe_cluster(ClusterId=cluster_id)["Cluster"]
    shed.double.deliver_logs(cluster_id)
    assert shed.logs(cluster_id, "steps") == {}


def test_logs_for_a_bucket_that_is_not_there_are_lost(shed: Shed) -> None:
    cluster_id = shed.run(step("says", "echo", "words"), LogUri="s3://nowhere/logs")
    assert shed.ended(cluster_id)["State"] == "TERMINATED"
    shed.double.deliver_logs(cluster_id)
    assert "NoSuchBucket" in str(shed.double.delivery_errors[-1])


def test_steps_of_one_cluster_run_side_by_side_when_they_may(shed: Shed, tmp_path: Path) -> None:
    # Each waits for the other's mark: one after the other, they would wait for ever.
    wait = 'touch "$0/$1"; while [ ! -e "$0/$2" ]; do sleep 0.05; done'
    steps = [step(a, "bash", "-c", wait, str(tmp_path), a, b) for a, b in (("a", "b"), ("b", "a"))]
    cluster_id = shed.run(*steps, StepConcurrencyLevel=2)
    assert shed.ended(cluster_id)["State"] == "TERMINATED"
    assert shed.states(cluster_id) == ["COMPLETED", "COMPLETED"]


def test_without_isolation_paths_are_this_machines(make_shed: MakeShed) -> None:
    shed = make_shed(machines=Machines(isolated=False))
    cluster_id = shed.run(step("look", "bash", "-c", "pwd; echo $HOME"))
    shed.ended(cluster_id)
    folder, home = shed.step_log(cluster_id).split()
    assert folder.endswith(shed.steps(cluster_id)[0]["Id"])
    assert Path(home) != Path.home()


def test_aws_s3_knows_what_scripts_use(shed: Shed) -> None:
    script = """
    set -e
    echo one > one.txt
    mkdir -p tree/deep && echo two > tree/deep/two.txt
    aws s3 cp --quiet one.txt s3://jobs/cli/
    echo three | aws s3 cp - s3://jobs/cli/three.txt --region us-east-1
    aws s3 sync tree s3://jobs/cli/tree
    aws s3 ls s3://jobs/cli/ | awk '{print $2}'
    aws s3 cp s3://jobs/cli/three.txt -
    aws s3 cp --recursive s3://jobs/cli/tree back && cat back/deep/two.txt
    aws s3 rm s3://jobs/cli/one.txt
    aws s3 cp s3://jobs/cli/one.txt gone.txt || echo "ended with $?"
    """
    cluster_id = shed.run(step("cli", "bash", "-c", script))
    shed.ended(cluster_id)
    said = shed.step_log(cluster_id).split("\n")
    assert said == [
        "cli/one.txt", "cli/three.txt", "cli/tree/deep/two.txt", "three", "two", "ended with 1", "",
    ]  # fmt: skip


def test_times_are_real_and_instances_end(shed: Shed) -> None:
    begin = time.time()
    cluster_id = shed.run(step("sleeps", "sleep", "0.3"))
    shed.ended(cluster_id)
    line = pick(shed.steps(cluster_id), Name="sleeps")["Status"]["Timeline"]
    assert begin < line["CreationDateTime"].timestamp() < time.time()
    assert 0.3 <= (line["EndDateTime"] - line["StartDateTime"]).total_seconds() < 60
    (machine,) = shed.double.bills
    assert machine.end is not None
