import pytest

from study.editing import DROP, mistakes

KINDS = (
    "trajectories, gradient-intervals, shrinkage, half-eyes, three-poolings, fitted-trajectories, grid, "
    "intercepts-slopes"
)


def test_a_figure_has_a_kind():
    assert mistakes({"figures/shrinkage/kind": DROP}) == ["figures.shrinkage: the key 'kind' is missing."]
    assert mistakes({"figures/shrinkage/kind": "shrinking"}) == [
        f"figures.shrinkage: there is no kind 'shrinking'. Did you mean 'shrinkage'? Valid: {KINDS}."
    ]


@pytest.mark.parametrize(
    ("figure", "key", "keys"),
    [
        ("shrinkage", "by_group", "title, caption, alt, section, predictions, models, units, kind"),
        ("time-trajectories", "reference", "title, caption, alt, section, predictions, models, units, kind, by_group"),
        ("intercepts-slopes", "by_group", "title, caption, alt, section, kind, model, units"),
    ],
)
def test_keys_of_another_kind_of_figure_are_refused(figure, key, keys):
    (line,) = mistakes({f"figures/{figure}/{key}": True})
    assert line.startswith(f"figures.{figure}: unknown key '{key}'.")
    assert line.endswith(f" Valid keys: {keys}.")
