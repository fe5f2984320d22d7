"""templates/_names.tpl, seen through the platform's chart."""

import helm_python
import pytest


@pytest.mark.parametrize("name", ["team.one", "1team"])
def test_a_release_whose_name_no_service_can_have_is_refused(render, name):
    with pytest.raises(helm_python.HelmRenderError, match=f'the release\'s name "{name}" names Services too'):
        render("platform", files=("values-kind.yaml",), release=name)
