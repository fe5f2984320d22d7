PROVISIONER = "Deployment/engineshed-provisioner"


def test_it_copies_the_settings_and_the_password_of_the_release(kind):
    args = kind.container(PROVISIONER, "provisioner")["args"]
    assert "--source-config=engineshed-instance" in args
    assert "--database-secret=dev-services-postgresql/postgresql-password" in args


def test_the_command_line_takes_the_arguments(kind):
    from engineshed.cli import cli

    for name, container in kind.containers():
        if container.get("command", [""])[0] != "engineshed":
            continue
        known = {option for parameter in cli.commands[container["command"][1]].params for option in parameter.opts}
        given = {arg.split("=")[0] for arg in container.get("args", [])}
        assert given <= known, name


def test_it_holds_no_password_itself(kind):
    env = kind.container(PROVISIONER, "provisioner")["env"]
    assert {one["name"] for one in env} == {"POD_NAME", "POD_NAMESPACE"}
