"""What people are told after an install."""


def test_who_is_not_listed_learns_of_both_reasons(alpha):
    notes = alpha().notes
    assert "kubectl get namespace team-alpha -L engineshed.dev/team" in notes
    assert "an older release, of whatever team, has the name alpha_one" in notes


def test_the_way_out_of_an_uninstall_is_said(alpha):
    assert "helm uninstall --no-hooks" in alpha().notes
    assert "helm rollback" not in alpha({"onUninstall": "end"}).notes
    assert "helm rollback alpha REVISION -n team-alpha" in alpha({"onUninstall": "refuse"}).notes
