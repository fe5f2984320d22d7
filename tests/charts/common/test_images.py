"""templates/_images.tpl, seen through the platform's chart."""

import pytest


@pytest.mark.parametrize(
    ("image", "registry", "expected"),
    [
        ({"tag": "dev"}, "", "engineshed/dagster:dev"),
        ({"tag": ""}, "", "engineshed/dagster:0.1.0"),
        ({"tag": "dev", "registry": "ghcr.io"}, "", "ghcr.io/engineshed/dagster:dev"),
        ({"tag": "dev", "registry": "ghcr.io"}, "mirror.example:5000/", "mirror.example:5000/engineshed/dagster:dev"),
        ({"tag": "dev", "digest": "sha256:" + "a" * 64}, "", "engineshed/dagster@sha256:" + "a" * 64),
    ],
)
def test_the_reference_of_an_image(render, image, registry, expected):
    values = {"image": image, "global": {"imageRegistry": registry}}
    release = render("platform", values, files=("values-kind.yaml",))
    assert {container["image"] for _, container in release.containers()} == {expected}


def test_a_digest_that_is_none_is_refused(render):
    with pytest.raises(Exception, match="/image/digest"):
        render("platform", {"image": {"digest": "latest"}}, files=("values-kind.yaml",))
