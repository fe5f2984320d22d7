import pytest

INLINE = {"postgresql": {"dev": {"enabled": True, "password": "open-sesame"}}}


def password_refs(release):
    return {
        (name.split("-")[1], one["valueFrom"]["secretKeyRef"]["name"])
        for name, container in release.containers()
        for one in container.get("env", [])
        if one["name"] == "DAGSTER_PG_PASSWORD"
    }


def test_the_password_comes_from_the_secret_that_is_named(kind):
    assert kind.all("Secret") == []
    assert {secret for _, secret in password_refs(kind)} == {"dev-services-postgresql"}


def test_in_dev_the_release_makes_the_secret(platform):
    release = platform(INLINE)
    assert release.one("Secret", "engineshed-postgresql")["stringData"] == {"postgresql-password": "open-sesame"}
    assert password_refs(release) == {
        ("webserver", "engineshed-postgresql"),
        ("daemon", "engineshed-postgresql"),
        ("exporter", "engineshed-postgresql"),
        ("migrate", "engineshed-migrate"),
    }
    assert (
        "--database-secret=engineshed-postgresql/postgresql-password"
        in (release.container("Deployment/engineshed-provisioner", "provisioner")["args"])
    )


def test_a_password_in_the_values_is_refused_outside_dev(platform):
    with pytest.raises(Exception, match=r"refused unless postgresql\.dev\.enabled is true"):
        platform({"postgresql": {"dev": {"password": "open-sesame"}}})


def test_dev_without_a_password_is_refused(platform):
    with pytest.raises(Exception, match=r"postgresql\.dev\.password is empty"):
        platform({"postgresql": {"dev": {"enabled": True}}})


def test_production_refuses_dev(render):
    with pytest.raises(Exception, match="a password in the values is refused where `production` is true"):
        render("platform", INLINE, files=("values-production.yaml",))
