"""Which way of cross-validation a model takes, and what it takes only when asked."""

import numpy as np
import pytest
import xarray as xr
from partialpool.loo import by_quadrature, estimate, kfold, refit
from partialpool.loo.estimate import of_model
from partialpool.model.design import NoClosedForm
from partialpool.quadrature.densities import NoQuadrature


@pytest.fixture
def tree():
    """A fit of six rows of three units, without group-level effects."""
    rng = np.random.default_rng(1)
    likelihood = -1 + 0.1 * rng.normal(size=(2, 200, 6))
    posterior = xr.Dataset({"Intercept": (("chain", "draw"), rng.normal(size=(2, 200)))})
    return xr.DataTree.from_dict(
        {
            "posterior": posterior,
            "log_likelihood": xr.Dataset({"y": (("chain", "draw", "__obs__"), likelihood)}),
            "constant_data": xr.Dataset({"row": ("__obs__", np.arange(6))}),
        }
    )


@pytest.fixture
def with_effects(tree):
    tree = tree.copy()
    sd = ("chain", "draw"), np.ones((2, 200))
    tree["posterior"] = tree["posterior"].to_dataset().assign({"1|id_sigma": sd})
    return tree


@pytest.fixture
def calls(monkeypatch, make):
    """What ran, of all that takes other fits; models have no closed form and no quadrature."""
    ran = []

    def refuse(reason):
        def of(*args, **options):
            raise reason

        return of

    monkeypatch.setattr(estimate, "integrated", refuse(NoClosedForm("a reason")))
    monkeypatch.setattr(by_quadrature, "by_quadrature", refuse(NoQuadrature("another")))

    def observations(tree, spec, data, weighted, *, most, cores):
        ran.append(f"at most {most} refits")
        return weighted

    def folds(spec, data, *, cores):
        ran.append("folds")
        return make([-1.0, -2.0, -3.0], method="kfold")

    monkeypatch.setattr(refit, "observations", observations)
    monkeypatch.setattr(kfold, "units", folds)
    return ran


@pytest.fixture
def rows(units):
    return units.head(6).assign(id=[1, 1, 2, 2, 3, 3], row=np.arange(6))


def test_what_takes_folds_is_left_out_and_the_log_says_how_to_ask(with_effects, make_spec, rows, calls, capsys):
    loo = of_model(with_effects, make_spec("y ~ 1 + (1 | id)"), rows)
    assert set(loo.observation.method) == {"psis"}
    assert loo.unit is None
    assert calls == ["at most 5 refits"]
    printed = capsys.readouterr().out
    assert "no closed form: a reason." in printed
    assert "by quadrature: another." in printed
    assert "New units are left out: they take fits without them." in printed
    assert "To ask for these: 'estimands: [observation, unit]'." in printed


@pytest.mark.parametrize(
    ("estimands", "expected"),
    [
        (["observation"], ["at most None refits"]),
        (["unit"], ["folds"]),
        (["unit", "observation"], ["at most None refits", "folds"]),
    ],
)
def test_what_is_asked_for_is_done_and_nothing_else(with_effects, make_spec, rows, calls, estimands, expected):
    loo = of_model(with_effects, make_spec("y ~ 1 + (1 | id)"), rows, estimands=estimands)
    assert calls == expected
    assert (loo.observation is not None) == ("observation" in estimands)
    assert (loo.unit is not None) == ("unit" in estimands)


def test_units_of_a_model_without_effects_need_no_folds(tree, make_spec, rows, calls):
    loo = of_model(tree, make_spec("y ~ 1"), rows)
    assert loo.unit.labels.tolist() == ["1", "2", "3"]
    jointly = tree["log_likelihood"]["y"].to_numpy()[..., :2].sum(axis=-1)
    density = np.log(np.exp(jointly).mean())
    assert loo.unit.elpd[0] + loo.unit.p_loo[0] == pytest.approx(density)
    assert calls == ["at most 5 refits"]


def test_units_of_a_model_without_effects_need_folds_where_weights_fail(tree, make_spec, rows, calls):
    tree["log_likelihood"]["y"][0, 0] = -30.0
    tree["log_likelihood"]["y"][0, 1] = -20.0
    tree["log_likelihood"]["y"][1, 7] = -25.0
    assert of_model(tree, make_spec("y ~ 1"), rows).unit is None


@pytest.mark.parametrize("bad", [True, False])
def test_folds_help_units_only_where_asked_and_where_weights_fail(
    with_effects, make_spec, rows, calls, make, monkeypatch, capsys, bad
):
    units = make([-1.0, -2.0, -3.0], [0.1, 0.9 if bad else 0.2, 0.1], labels=["1", "2", "3"], method="integrated")
    single = make([-1.0] * 6, method="integrated")
    monkeypatch.setattr(by_quadrature, "by_quadrature", lambda *args, **options: (single, units))
    spec = make_spec("y ~ 1 + (1 | id)")

    def estimates(spec, data, chosen, *, folds, cores):
        calls.append(f"folds of {chosen.tolist()}")
        return {index: kfold.Estimate(-7.0, 0.1, 0.0) for index in chosen}

    monkeypatch.setattr(kfold, "_estimates", estimates)
    assert of_model(with_effects, spec, rows).unit is units
    assert ("Pareto k is over 0.7 for 1 units: they take fits without them." in capsys.readouterr().out) == bad
    assert calls == ["at most 5 refits"]
    better = of_model(with_effects, spec, rows, estimands=["unit"]).unit
    assert calls[1:] == (["folds of [1]"] if bad else [])
    assert better.elpd.tolist() == [-1.0, -7.0 if bad else -2.0, -3.0]
    assert better.method[1] == ("kfold" if bad else "integrated")


def test_a_model_with_a_closed_form_has_what_is_asked_for(with_effects, make_spec, rows, monkeypatch, make):
    both = make([-1.0] * 6, method="integrated"), make([-1.0] * 3, method="integrated")
    monkeypatch.setattr(estimate, "integrated", lambda *args, **options: both)
    spec = make_spec("y ~ 1 + (1 | id)")
    loo = of_model(with_effects, spec, rows)
    assert (loo.observation, loo.unit) == both
    assert of_model(with_effects, spec, rows, estimands=["unit"]).observation is None
    assert of_model(with_effects, spec, rows, estimands=["observation"]).unit is None
