import shutil
import subprocess

import pytest
import yaml

from engineshed.telemetry.rules import as_rules

PROMETHEUS = "dev-services-prometheus"


def test_it_scrapes_the_pods_that_say_so(defaults):
    config = yaml.safe_load(defaults.one("ConfigMap", PROMETHEUS)["data"]["prometheus.yml"])
    [job] = config["scrape_configs"]
    kept = [rule for rule in job["relabel_configs"] if rule.get("action") == "keep"]
    assert kept == [
        {
            "source_labels": ["__meta_kubernetes_pod_annotation_prometheus_io_scrape"],
            "regex": "true",
            "action": "keep",
        }
    ]


def test_it_reads_pods_and_nothing_else(defaults):
    [role] = defaults.all("ClusterRole")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]


def test_the_platform_lets_it_in(defaults, platform):
    labels = defaults.pod("Deployment/dev-services-prometheus")["metadata"]["labels"]
    peers = [
        peer
        for policy in platform.all("NetworkPolicy")
        for rule in policy["spec"].get("ingress") or []
        for peer in rule["from"]
        if rule["ports"][0]["port"] in (9102, 9103)
    ]
    assert len(peers) == 3
    assert all(peer["podSelector"]["matchLabels"].items() <= labels.items() for peer in peers)


def test_it_has_the_platforms_rules_beside_its_settings(defaults):
    files = defaults.one("ConfigMap", PROMETHEUS)["data"]
    assert yaml.safe_load(files["prometheus.yml"])["rule_files"] == ["rules.yaml"]
    assert yaml.safe_load(files["rules.yaml"]) == yaml.safe_load(yaml.safe_dump(as_rules()))


@pytest.mark.needs_promtool
def test_prometheus_takes_the_files_as_they_are_mounted(defaults, tmp_path):
    for name, text in defaults.one("ConfigMap", PROMETHEUS)["data"].items():
        (tmp_path / name).write_text(text)
    # Without `--syntax-only` it looks for the token of the pod's account.
    command = [shutil.which("promtool"), "check", "config", "--syntax-only", str(tmp_path / "prometheus.yml")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    rules = subprocess.run(
        [command[0], "check", "rules", str(tmp_path / "rules.yaml")], capture_output=True, text=True, check=False
    )
    assert rules.returncode == 0, rules.stderr
