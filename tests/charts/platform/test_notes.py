import re


def test_the_next_commands_name_what_the_release_made(kind):
    assert "helm test engineshed --namespace engineshed" in kind.notes
    service, port = re.search(r"port-forward service/(\S+) 3000:(\d+)", kind.notes).groups()
    assert kind.one("Service", service)["spec"]["ports"][0]["port"] == int(port)
    assert "engineshed.dev/team=" in kind.notes


def test_closed_web_pages_are_said(kind, production):
    assert "No other pod may open the web pages" in kind.notes
    assert "No other pod may open the web pages" not in production.notes
