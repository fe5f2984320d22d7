"""The Service by which discovery finds the location."""

from __future__ import annotations

from engineshed.discovery.catalogue import survey


def test_it_carries_the_marks_of_discovery(alpha):
    service = alpha(
        {"owners": ["team:alpha", "jane@example.org"], "contact": "#alpha", "commit": "abc123"},
    ).one("Service", "alpha")
    assert service["metadata"]["labels"]["engineshed.dev/code-location"] == "alpha_one"
    assert service["metadata"]["annotations"] == {
        "engineshed.dev/service-account": "alpha",
        "engineshed.dev/image": "engineshed/alpha:dev",
        "engineshed.dev/owners": "team:alpha,jane@example.org",
        "engineshed.dev/contact": "#alpha",
        "engineshed.dev/commit": "abc123",
        "engineshed.dev/version": "0.1.0",
        "engineshed.dev/revision": "1",
    }


def test_an_upgrade_is_another_revision(alpha):
    service = alpha(upgrade=True, revision=7).one("Service", "alpha")
    assert service["metadata"]["annotations"]["engineshed.dev/revision"] == "7"


def test_a_digest_is_the_image_of_runs_too(alpha):
    digest = "sha256:" + "0" * 64
    release = alpha({"image": {"repository": "engineshed/alpha", "tag": "dev", "digest": digest}})
    image = release.one("Deployment", "alpha")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == f"engineshed/alpha@{digest}"
    assert release.one("Service", "alpha")["metadata"]["annotations"]["engineshed.dev/image"] == image


def test_it_selects_the_code_server_and_nothing_else(alpha):
    release = alpha()
    service = release.one("Service", "alpha")
    assert service["spec"]["ports"] == [{"name": "grpc", "port": 4000, "targetPort": "grpc", "protocol": "TCP"}]
    chosen = service["spec"]["selector"].items()
    selected = [name for name, pod in release.pods() if chosen <= pod["metadata"]["labels"].items()]
    assert selected == ["Deployment/alpha"]


def test_discovery_reads_it_as_the_chart_means_it(showcase):
    release = showcase("web_graph")
    service = release.one("Service")
    service["metadata"] |= {"uid": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}
    namespace = {"metadata": {"name": "team-web-graph", "labels": {"engineshed.dev/team": "web-graph"}}}
    found = survey([namespace], [service], [])
    assert found.findings == ()
    location = found.sightings["web_graph"].location
    assert (location.namespace, location.team, location.service_account) == ("team-web-graph", "web-graph", "web-graph")
    assert (location.image, location.host, location.port) == (
        "engineshed/web-graph:dev",
        "web-graph.team-web-graph.svc",
        4000,
    )
