import inspect

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.fit import diagnostics
from partialpool.fit import fit as fit_module
from partialpool.fit import nuts as nuts_module
from partialpool.fit.nuts import nuts, rename_commas, starts
from partialpool.model.build import build
from partialpool.model.formula import complete_cases


def test_pymc_tells_its_bars_of_nutpies_progress():
    """A canary: the method that is replaced, and what nutpie tells it."""
    from pymc.progress_bar import NutpieProgressBarManager

    assert callable(NutpieProgressBarManager.update)
    assert len(inspect.signature(NutpieProgressBarManager.update).parameters) == 2


@pytest.mark.slow
def test_progress_of_all_chains_arrives_and_the_bars_are_as_before(correlated, units):
    from pymc.progress_bar import NutpieProgressBarManager

    before, states = NutpieProgressBarManager.update, []
    nuts(correlated, complete_cases(correlated, units), cores=1, progress=lambda chains: states.append(list(chains)))
    assert NutpieProgressBarManager.update is before
    assert [chain.made for chain in states[-1]] == [correlated.warmup + correlated.draws] * correlated.chains


def test_chains_begin_where_covariates_of_any_size_move_the_predictor_by_little(make_spec):
    """Points that nutpie would begin at, as PyMC makes them; moved by up to 1 as by default, exp(60) ticks would do."""
    from pymc.initial_point import make_initial_point_fn

    rng = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "id": pd.Categorical(list("abcd") * 10),
            "row": range(40),
            "y": rng.poisson(2, 40),
            "height": rng.uniform(400, 530, 40),
            "small": rng.uniform(-1, 1, 40),
        }
    )
    formula = "y ~ height + small + (1 + height | id)"
    model = build(make_spec(formula, "Intercept b sd cor", family="poisson"), rows)
    model.build()
    arguments = starts(model)
    point = make_initial_point_fn(
        model=model.backend.model,
        overrides=arguments["initial_points"],
        jitter_rvs=arguments["jitter_rvs"],
        return_transformed=True,
    )
    points = [point(seed) for seed in range(50)]
    moves = {
        "height": np.abs(rows["height"] - rows["height"].mean()).max(),
        "height|id_z_offset": rows["height"].max(),
        "small": 1,
        "1|id_z_offset": 1,
        "Intercept": 1,
    }
    for name, largest in moves.items():
        values = np.array([np.asarray(at[name]) for at in points]) * largest
        assert 0.8 < np.abs(values).max() <= 1, name
        assert len(np.unique(values)) == values.size, name


@pytest.mark.slow
def test_dimensions_with_a_comma_keep_their_names(make_spec, units):
    """A canary: nutpie splits the names of dimensions at commas, so that it is given names without."""
    spec = make_spec("flag ~ poly(x, 2) + (0 + poly(x, 2) | id)", "Intercept b sd cor", family="bernoulli", draws=10)
    rows = complete_cases(spec, units)
    groups, _ = nuts(spec, rows, cores=1)
    posterior = groups["posterior"]
    assert posterior["poly(x, 2)"].dims == ("chain", "draw", "poly(x, 2)_dim")
    assert posterior["poly(x, 2)|id"].dims == ("chain", "draw", "poly(x, 2)__expr_dim", "id__factor_dim")
    assert not [dim for dim in posterior.dims if ";" in dim]
    model = build(spec, rows)
    model.build()
    assert rename_commas(model.backend.model) == {
        "poly(x, 2)_dim": "poly(x; 2)_dim",
        "poly(x, 2)__expr_dim": "poly(x; 2)__expr_dim",
    }


@pytest.mark.slow
def test_values_of_rows_in_batches_are_those_of_all_at_once(make_spec, units, monkeypatch):
    spec = make_spec("flag ~ x + (1 | id)", "Intercept b sd", family="bernoulli")
    rows = complete_cases(spec, units)
    whole, _ = nuts(spec, rows, cores=1)
    monkeypatch.setattr(nuts_module, "LARGEST_BATCH", 7 * spec.chains * len(rows))
    parts, _ = nuts(spec, rows, cores=1)

    def of(groups, name):
        return groups[name]["flag"].transpose("chain", "draw", ...).to_numpy()

    np.testing.assert_array_equal(of(parts, "log_likelihood"), of(whole, "log_likelihood"))
    ours, theirs = of(parts, "posterior_predictive"), of(whole, "posterior_predictive")
    assert ours.shape == theirs.shape
    assert parts["posterior_predictive"]["draw"].to_numpy().tolist() == list(range(spec.draws))
    # Each batch has a seed of its own, and all are from the same probabilities.
    assert not np.array_equal(ours[:, :7], ours[:, 7:14])
    p = np.exp(of(whole, "log_likelihood"))
    p = np.where(rows["flag"] == 1, p, 1 - p)
    z = (ours - p).sum() / np.sqrt((p * (1 - p)).sum())
    assert abs(z) < 4


def test_a_model_that_cannot_be_sampled_is_told_in_words(make_spec, units, monkeypatch):
    import bambi

    def fit(model, **settings):
        raise RuntimeError("All initialization points failed\n\nStack backtrace: ...")

    monkeypatch.setattr(bambi.Model, "fit", fit)
    data = units.assign(positive=np.exp(units["y"]))
    spec = make_spec("positive ~ x", "Intercept b", priors={"alpha": "Exponential(1)"}, family="gamma")
    with pytest.raises(StudyError, match=r"All initialization points failed\. At .* the link 'inverse'") as error:
        nuts(spec, complete_cases(spec, data), cores=1)
    assert "backtrace" not in str(error.value)


@pytest.fixture
def known_well(units):
    """Units and items of which the data say much, in the order of the rows."""
    rng = np.random.default_rng(2)
    of_unit, of_item = 3 * rng.normal(size=(2, units["id"].nunique())), 2 * rng.normal(size=5)
    codes = pd.factorize(units["id"])[0]
    y = of_unit[0][codes] + of_unit[1][codes] * (units["x"] - 2) + of_item[units["item"].cat.codes]
    return units.assign(y=y + rng.normal(size=len(units)))


# Compiled, and with enough draws to tell.
@pytest.mark.slow
def test_effects_around_the_predictor_are_those_of_the_marginal_engine(make_spec, known_well, capsys):
    """Estimates of the engine that integrates coefficients out, within their Monte Carlo errors."""
    settings = {"chains": 2, "warmup": 500, "draws": 1000}
    spec = make_spec("y ~ 1 + x + (1 + x | id) + (1 | item)", **settings)
    tree = fit_module.fit(spec, known_well)
    assert "1|item, 1|id, x|id are sampled around" in capsys.readouterr().out
    ours = diagnostics.summarise(tree["posterior"].to_dataset())
    exact = fit_module.fit(make_spec(spec.formula, engine="marginal", **settings), known_well)
    theirs = diagnostics.summarise(exact["posterior"].to_dataset())
    assert ours["parameter"].tolist() == theirs["parameter"].tolist()
    for value in ("mean", "sd"):
        error = np.hypot(ours[f"mcse_{value}"], theirs[f"mcse_{value}"])
        assert ((ours[value] - theirs[value]).abs() < 4 * error).all(), value
    assert ours["ess_bulk"].min() > 400
    ours, theirs = (each["log_likelihood"]["y"].mean(("chain", "draw")).to_numpy() for each in (tree, exact))
    np.testing.assert_allclose(ours, theirs, atol=0.1)
