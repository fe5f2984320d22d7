import pytest

GATEWAY = {"parentRefs": [{"name": "public", "namespace": "gateways"}], "hostnames": ["dagster.example"]}
API = "gateway.networking.k8s.io/v1/HTTPRoute"


def test_it_leads_to_the_web_pages(platform):
    release = platform({"httpRoute": {"enabled": True, **GATEWAY}, "webserver": {"pathPrefix": "/dagster"}})
    spec = release.one("HTTPRoute")["spec"]
    assert (spec["parentRefs"], spec["hostnames"]) == (GATEWAY["parentRefs"], GATEWAY["hostnames"])
    assert spec["rules"][0]["matches"][0]["path"]["value"] == "/dagster"
    backend = spec["rules"][0]["backendRefs"][0]
    assert release.one("Service", backend["name"])["spec"]["ports"][0]["port"] == backend["port"]


def test_auto_is_nothing_where_the_api_is_not(platform):
    assert platform({"httpRoute": GATEWAY}).all("HTTPRoute") == []


def test_auto_asks_the_cluster(render_with_apis, values_kind):
    assert render_with_apis("platform", {**values_kind, "httpRoute": GATEWAY}, apis=[API]).names("HTTPRoute")
    assert not render_with_apis("platform", values_kind, apis=[API]).names("HTTPRoute")


def test_a_gateway_has_to_be_named(platform):
    with pytest.raises(Exception, match=r"httpRoute\.parentRefs is empty"):
        platform({"httpRoute": {"enabled": "true"}})
