"""Alerts fire and are silent as they should, by promtool's own evaluation."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from engineshed.telemetry.rules import ALERTS, as_rules

pytestmark = pytest.mark.needs_promtool
ATTEMPTS = 'engineshed_attempts_total{team="web", engine="emr", outcome="%s", error_class="%s"}'

CASES: dict[str, tuple[list[tuple[str, str]], str, dict[str, str], str]] = {
    # alert: (series and their values a minute, when it fires, its labels, series of which it stays silent)
    "EngineshedObjectiveBurnsFast": (
        [(ATTEMPTS % ("succeeded", ""), "0+1x90"), (ATTEMPTS % ("failed", "platform"), "0+9x90")],
        "75m",
        {"team": "web"},
        "0+0x90",
    ),
    "EngineshedObjectiveBurns": (
        [(ATTEMPTS % ("succeeded", ""), "0+1x500"), (ATTEMPTS % ("failed", "platform"), "0+1x500")],
        "420m",
        {"team": "web"},
        "0+0x500",
    ),
    "EngineshedRunsFail": (
        [(ATTEMPTS % ("failed", "authorisation"), "0 1 2 3 4 5+0x60")],
        "10m",
        {"team": "web", "engine": "emr", "error_class": "authorisation"},
        "0+0x60",
    ),
    "EngineshedBudgetExceeded": (
        [('engineshed_cost_usd_total{team="web"}', "0+2x60"), ('engineshed_forecast_usd_total{team="web"}', "0+1x60")],
        "50m",
        {"team": "web"},
        "0+0.5x60",
    ),
    "EngineshedForecastOff": (
        [
            ('engineshed_forecast_error_ratio_bucket{team="web", engine="emr", le="2.0"}', "0+0x200"),
            ('engineshed_forecast_error_ratio_bucket{team="web", engine="emr", le="4.0"}', "0+1x200"),
            ('engineshed_forecast_error_ratio_bucket{team="web", engine="emr", le="+Inf"}', "0+1x200"),
            ('engineshed_forecast_error_ratio_count{team="web", engine="emr"}', "0+1x200"),
        ],
        "150m",
        {"team": "web", "engine": "emr"},
        "0+0x200",
    ),
    "EngineshedMessagesLost": (
        [('engineshed_messages_lost_total{transport="objects"}', "0 0 1+0x30")],
        "5m",
        {"transport": "objects"},
        "0+0x30",
    ),
    "EngineshedHeartbeatMissing": (
        [('engineshed_live_heartbeat_age_seconds{team="web", code_location="w", engine="emr"}', "60+60x30")],
        "10m",
        {"team": "web", "code_location": "w", "engine": "emr"},
        "5+0x30",
    ),
    "EngineshedOrphansLive": (
        [('engineshed_orphans_ended_total{team="web", engine="emr", reason="r"}', "0 0 1+0x30")],
        "5m",
        {"team": "web", "engine": "emr"},
        "0+0x30",
    ),
    "EngineshedLocationGone": ([('engineshed_discovery_locations{state="listed"}', "2x10 1x40")], "30m", {}, "2x60"),
    "EngineshedExporterBehind": (
        [("engineshed_exporter_lag_seconds", "120x30"), ("engineshed_exporter_facts_read_total", "0+1x30")],
        "10m",
        {},
        "0x30",
    ),
}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(yaml.safe_dump(as_rules()))
    return path


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    assert program is not None
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


def judged(rules: Path, folder: Path, series: list[tuple[str, str]], at: str, alert: str) -> list[dict[str, str]]:
    """The labels of each time that the alert fires then."""
    plain = {
        "rule_files": [str(rules)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series],
                "alert_rule_test": [
                    {"eval_time": at, "alertname": alert, "exp_alerts": [{"exp_labels": {"never": "so"}}]}
                ],
            }
        ],
    }
    path = folder / "test.yaml"
    path.write_text(yaml.safe_dump(plain))
    said = promtool("test", "rules", str(path))
    got = (said.stdout + said.stderr).partition("got:")[2]
    return [
        dict(pair.split("=", 1) for pair in part.split("}")[0].replace('"', "").split(", ") if "=" in pair)
        for part in got.split("Labels:{")[1:]
    ]


def test_the_rules_are_good(rules: Path) -> None:
    said = promtool("check", "rules", str(rules))
    assert said.returncode == 0, said.stderr


def test_every_alert_is_tried() -> None:
    assert set(CASES) == {alert.name for alert in ALERTS}


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_fires(alert: str, rules: Path, tmp_path: Path) -> None:
    series, at, labels, _ = CASES[alert]
    fired = judged(rules, tmp_path, series, at, alert)
    assert fired, f"{alert} is silent"
    assert labels.items() <= fired[0].items()


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_is_silent_while_nothing_is_wrong(alert: str, rules: Path, tmp_path: Path) -> None:
    series, at, _, quiet = CASES[alert]
    changed: list[tuple[str, str]] = [(name, quiet) for name, _ in series[:1]]
    if alert.startswith("EngineshedObjective"):
        changed = [series[0], (series[1][0], quiet)]
    elif alert in ("EngineshedBudgetExceeded", "EngineshedExporterBehind"):
        changed += series[1:]
    assert judged(rules, tmp_path, changed, at, alert) == []


EXPORTER = ("engineshed_exporter_lag_seconds", "0x400")
NEWBORN = {
    # alert: (a series that begins well above 0, as the first fact of its kind makes it; when the alert fires)
    "EngineshedRunsFail": (ATTEMPTS % ("failed", "authorisation"), "_x60 3x300", "70m"),
    "EngineshedMessagesLost": ('engineshed_messages_lost_total{transport="objects"}', "_x60 7x300", "70m"),
    "EngineshedOrphansLive": (
        'engineshed_orphans_ended_total{team="web", engine="emr", reason="r"}', "_x60 1x300", "70m",
    ),
    "EngineshedObjectiveBurnsFast": (ATTEMPTS % ("failed", "platform"), "_x60 4x300", "63m"),
}  # fmt: skip


@pytest.mark.parametrize("alert", NEWBORN)
def test_a_counter_that_begins_above_0_has_grown(alert: str, rules: Path, tmp_path: Path) -> None:
    series, values, at = NEWBORN[alert]
    assert judged(rules, tmp_path, [(series, values), EXPORTER], at, alert)


@pytest.mark.parametrize("alert", NEWBORN)
def test_a_failure_is_over_when_its_window_has_passed(alert: str, rules: Path, tmp_path: Path) -> None:
    series, values, _ = NEWBORN[alert]
    assert judged(rules, tmp_path, [(series, values), EXPORTER], "200m", alert) == []


@pytest.mark.parametrize("alert", NEWBORN)
def test_a_prometheus_that_begins_takes_the_past_for_no_growth(alert: str, rules: Path, tmp_path: Path) -> None:
    series = NEWBORN[alert][0]
    begun = [(series, "_x60 50x300"), ("engineshed_exporter_lag_seconds", "_x60 0x300")]
    assert judged(rules, tmp_path, begun, "70m", alert) == []


@pytest.mark.parametrize("alert", NEWBORN)
def test_an_exporter_in_a_new_pod_is_no_growth(alert: str, rules: Path, tmp_path: Path) -> None:
    series = NEWBORN[alert][0]
    name, _, labels = series.partition("{")
    pods = [
        (f'{name}{{pod="a", {labels}', "50x62"),
        (f'{name}{{pod="b", {labels}', "_x60 50x300"),
        ('engineshed_exporter_lag_seconds{pod="a"}', "0x62"),
        ('engineshed_exporter_lag_seconds{pod="b"}', "_x60 0x300"),
    ]
    assert judged(rules, tmp_path, pods, "63m", alert) == []


def test_an_exporter_that_is_gone_is_missed(rules: Path, tmp_path: Path) -> None:
    series: list[Any] = [("up", "1x30")]
    assert judged(rules, tmp_path, series, "10m", "EngineshedExporterBehind")
