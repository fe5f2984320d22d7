import pytest


def test_there_is_none_unless_asked_for(kind):
    assert kind.all("Ingress") == []


def test_it_leads_to_the_web_pages(platform):
    said = {"enabled": True, "host": "dagster.example", "className": "nginx", "tlsSecret": "dagster-tls"}
    release = platform({"ingress": said})
    spec = release.one("Ingress")["spec"]
    assert (spec["ingressClassName"], spec["tls"]) == (
        "nginx",
        [{"hosts": ["dagster.example"], "secretName": "dagster-tls"}],
    )
    backend = spec["rules"][0]["http"]["paths"][0]["backend"]["service"]
    service = release.one("Service", backend["name"])
    assert backend["port"]["name"] in [port["name"] for port in service["spec"]["ports"]]
    assert "https://dagster.example" in release.notes


def test_a_host_has_to_be_named(platform):
    with pytest.raises(Exception, match=r"ingress\.host is empty"):
        platform({"ingress": {"enabled": True}})
