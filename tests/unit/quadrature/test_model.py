"""Models for quadrature: against Bambi, against integrals over a grid, and what is left to NUTS."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.model.build import build
from partialpool.model.families import PARENTS
from partialpool.model.formula import complete_cases
from partialpool.quadrature import model as module
from partialpool.quadrature import posterior
from partialpool.quadrature.densities import NoQuadrature
from partialpool.quadrature.model import model_of
from scipy import special, stats

ALPHA, WITH_ALPHA = {"alpha": "Exponential(1)"}, ("gamma", "negativebinomial")
AUTO = {"engine": "auto", "chains": 2, "draws": 500}


@pytest.fixture(scope="module")
def counted(units):
    """With successes in trials, an exposure, answers with levels, and a size."""
    rng = np.random.default_rng(2)
    trials = rng.integers(1, 9, len(units))
    answers = pd.Categorical(np.where(units["flag"] == 1, "yes", "no"))
    return units.assign(trials=trials, hits=rng.binomial(trials, 0.3), answer=answers, size=np.exp(units["y"]))


@pytest.fixture(scope="module")
def small():
    """Six units with three or four rows."""
    codes = np.repeat(np.arange(6), [3, 4, 3, 4, 3, 4])
    y = np.array([0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0])
    return pd.DataFrame({"id": codes, "y": y, "c": y * 2 + codes % 3, "x": np.arange(21) / 10, "row": np.arange(21)})


def classes(formula, family):
    names = ["Intercept"] * ("~ 0" not in formula) + ["b"] * ("x" in formula or "group" in formula)
    names += ["sd"] * ("|" in formula)
    return " ".join(names + ["cor"] * ("(1 + x |" in formula)), ALPHA if family in WITH_ALPHA else {}


MODELS = [
    ("flag ~ 1 + x + group + (1 | id)", "bernoulli", None),
    ("answer ~ 1 + x + (1 | id)", "bernoulli", "probit"),
    ("answer[no] ~ 1 + x + (1 | id)", "bernoulli", "cloglog"),
    ("flag ~ 0 + group + (1 + x | id)", "bernoulli", None),
    ("p(hits, trials) ~ 1 + scale(x) + (1 | id)", "binomial", None),
    ("count ~ 1 + poly( x, 2) + offset(log(trials)) + (1 | id)", "poisson", None),
    ("count ~ 0 + x + (1 | id) + (0 + x | id)", "poisson", None),
    ("count ~ 0 + (1 | id)", "poisson", None),
    ("count ~ 1 + x + (1 + x | id)", "negativebinomial", None),
    ("size ~ 1 + x + (1 + x | id)", "gamma", "log"),
    ("flag ~ 1 + x + group", "bernoulli", None),
    ("answer[no] ~ 0 + x:group", "bernoulli", "cloglog"),
    ("p(hits, trials) ~ 1 + scale(x) + offset(z)", "binomial", "probit"),
    ("count ~ 1 + poly( x, 2) + offset(log(trials))", "poisson", None),
    ("count ~ 1", "negativebinomial", None),
    ("size ~ 0 + x:group + offset(log(trials))", "gamma", "log"),
]


@pytest.mark.parametrize(("formula", "family", "link"), MODELS, ids=lambda value: str(value))
def test_names_and_log_likelihood_are_bambis(make_spec, counted, formula, family, link):
    """Of coefficients at the draws: their coding, the intercept's place, offsets, trials and levels."""
    names, alpha = classes(formula, family)
    spec = make_spec(formula, names, priors=alpha, family=family, link=link, **AUTO | {"draws": 20})
    rows = complete_cases(spec, counted)
    model = model_of(spec, rows)
    rng = np.random.default_rng(1)
    drawn = module.IndependentDraws(rng.normal(0, 0.3, (2, 20, model.dimensions)), *np.zeros((3, 2, 20)), 0, 0, 0, 1)
    model.draw = lambda **_: drawn
    groups, _ = posterior.fit(model)
    bambi = build(spec, rows)
    bambi.build()
    fitted = xr.DataTree.from_dict({name: groups[name] for name in ("posterior", "observed_data")})
    bambi.predict(fitted, kind="response_params")
    wanted = bambi.family.log_likelihood(model=bambi, posterior=fitted["posterior"].to_dataset(), data=None)
    ours = groups["log_likelihood"][model.matrices.outcome_name]
    np.testing.assert_allclose(ours, wanted.transpose(*ours.dims), rtol=1e-9)
    np.testing.assert_array_equal(groups["observed_data"][ours.name], model.matrices.outcome)
    # What is predicted has its mean around Bambi's: a draw has an error of its own.
    mean = fitted["posterior"][PARENTS[family]].transpose(*ours.dims).to_numpy() * model.trials
    away = groups["posterior_predictive"][ours.name].to_numpy() - mean
    assert abs(away.mean()) < 4 * away.std() / np.sqrt(away.size)
    variables = {variable.name for variable in (*bambi.backend.model.free_RVs, *bambi.backend.model.deterministics)}
    sampled_instead = {name for name in variables if name.endswith(("_offset", "__offset", "_partial", "_z"))}
    assert set(groups["posterior"].data_vars) <= variables
    assert {name for name in variables - set(groups["posterior"].data_vars) if name.endswith("_sigma")} == set()
    assert sampled_instead.isdisjoint(groups["posterior"].data_vars)
    assert PARENTS[family] == bambi.family.likelihood.parent
    assert model.link == bambi.family.link[bambi.family.likelihood.parent].name


def by_grid(y, z, family, sds):
    """Log of prior times likelihood on a grid of intercepts and sds, and the steps of the grid's sums.

    Effects are integrated by sums over 400 even steps.
    """
    intercepts, v = np.linspace(-7, 7, 71), np.linspace(-8, 8, 401)
    eta = intercepts[:, None, None] + sds[None, :, None] * v
    values = stats.norm.logpdf(intercepts, 0, 1.5)[:, None] + stats.expon.logpdf(sds)[None]
    for unit in np.unique(z):
        own = y[z == unit]
        if family == "poisson":
            density = own.sum() * eta - len(own) * np.exp(eta) - special.gammaln(own + 1).sum()
        else:
            density = stats.bernoulli.logpmf(own[:, None, None, None], 1 / (1 + np.exp(-eta))).sum(axis=0)
        # Never nothing, where a sum of numbers that are too small for a computer is.
        of_unit = (np.exp(density) * stats.norm.pdf(v)).sum(axis=-1) * (v[1] - v[0])
        values += np.log(np.maximum(of_unit, 1e-300))
    return intercepts, values


@pytest.mark.numbers
@pytest.mark.parametrize(
    ("outcome", "family"), [pytest.param("y", "bernoulli", marks=pytest.mark.slow), ("c", "poisson")]
)
def test_evidence_and_moments_are_those_of_a_grid(make_spec, small, outcome, family):
    spec = make_spec(f"{outcome} ~ 1 + (1 | id)", "Intercept sd", family=family, **AUTO | {"draws": 4000})
    model = model_of(spec, complete_cases(spec, small))
    groups, how = posterior.fit(model)
    logs = np.linspace(np.log(1e-3), np.log(20), 81)
    intercepts, values = by_grid(small[outcome].to_numpy(), small["id"].to_numpy(), family, np.exp(logs))
    weights = np.exp(values - values.max()) * np.exp(logs)
    cell = (intercepts[1] - intercepts[0]) * (logs[1] - logs[0])
    evidence = values.max() + np.log(weights.sum() * cell)
    # What lies below the smallest sd is a thousandth of the whole at most.
    assert how["log_evidence"] == pytest.approx(evidence, abs=4 * how["mcse_log_evidence"] + 2e-3)
    weights /= weights.sum()
    draws = groups["posterior"]
    for name, at, share in (
        ("Intercept", intercepts, weights.sum(axis=1)),
        ("1|id_sigma", np.exp(logs), weights.sum(axis=0)),
    ):
        mean = at @ share
        sd = np.sqrt((at - mean) ** 2 @ share)
        own = draws[name].to_numpy()
        # Of 8000 draws at least 4000 are worth as much as independent ones.
        assert own.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(4000)), name
        assert own.std() == pytest.approx(sd, rel=4 * np.sqrt(1.5 / 4000)), name


def test_the_density_is_that_of_pymc_up_to_the_change_of_coordinates(make_spec, units):
    """Prior and Jacobian: without data the density at two points differs as prior times change of coordinates does."""
    spec = make_spec("flag ~ 1 + x + (1 + x | id)", "Intercept b sd cor", family="bernoulli", **AUTO)
    model = model_of(spec, complete_cases(spec, units))
    model._log_likelihood = lambda x, nodes: np.zeros(len(x))
    # A density without data is the prior's: it integrates to 1.
    draws = model.draw(chains=2, draws=2000, rng=np.random.default_rng(3))
    assert draws.log_evidence == pytest.approx(0, abs=4 * draws.mcse)


@pytest.mark.parametrize("name", ["log_likelihood", "posterior", "posterior_predictive"])
def test_the_draws_do_not_depend_on_the_cores(make_spec, units, name):
    spec = make_spec("flag ~ 1 + x + (1 | id)", "Intercept b sd", family="bernoulli", **AUTO)
    rows = complete_cases(spec, units)
    one, two = (posterior.fit(model_of(spec, rows, cores=cores))[0][name] for cores in (1, 2))
    assert one.identical(two)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"family": "gamma", "formula": "count ~ 1 + x + (1 | id)"},
            "its family is gamma with the link inverse, which quadrature does not know",
        ),
        ({"family": "categorical"}, "its family is categorical, which quadrature does not know"),
        ({"link": "cauchit"}, "its family is bernoulli with the link cauchit"),
        ({"formula": "flag ~ 1 + x + (1 | id) + (1 | item)"}, "it needs effects of id and of nothing else"),
        ({"formula": "flag ~ 1 + x + (1 | item)"}, "it needs effects of id and of nothing else"),
        ({"formula": "flag ~ 1 + x", "b": "StudentT(3, 0, 1)"}, "the prior of x is StudentT, and only Normal"),
        ({"formula": "flag ~ 1 + x + (1 + x + z | id)"}, "id has 3 effects, and at most 2 are integrated"),
        ({"b": "StudentT(3, 0, 1)"}, "the prior of x is StudentT, and only Normal can be integrated"),
        ({"formula": "flag ~ 1 + x + poly(z, 11) + (1 | id)"}, "it has 14 parameters beside the effects of units"),
    ],
    ids=lambda value: str(value),
)
def test_what_is_left_to_nuts(make_spec, units, changes, reason):
    values = {"formula": "flag ~ 1 + x + (1 | id)", "family": "bernoulli", "b": "Normal(0, 1)"} | changes
    formula, b = values.pop("formula"), values.pop("b")
    names = "Intercept" + " sd" * ("|" in formula) + " cor" * ("1 + x + z" in formula)
    priors = {"b": b} | ({"alpha": "Exponential(1)"} if values["family"] == "gamma" else {})
    spec = make_spec(formula, names, priors=priors, **AUTO, **values)
    rows = complete_cases(replace(spec, family="gaussian", link=None), units.assign(count=units["count"] + 1))
    with pytest.raises(NoQuadrature, match=reason):
        model_of(spec, rows)


@pytest.mark.parametrize(("link", "few", "many"), [("logit", 240, 260), ("probit", 8, 9)])
def test_many_rows_are_left_to_nuts(make_spec, units, link, few, many):
    """Fewer with links of which a density takes longer."""
    spec = make_spec("flag ~ 1 + x + (1 | id)", "Intercept b sd", family="bernoulli", link=link, **AUTO)
    several = (pd.concat([units] * times, ignore_index=True) for times in (few, many))
    some, more = (complete_cases(spec, rows.assign(x=np.linspace(0, 4, len(rows)))) for rows in several)
    assert model_of(spec, some).nodes == 8
    rows = f"with {60 * many} rows and 8 nodes along each effect quadrature takes longer"
    with pytest.raises(NoQuadrature, match=rows):
        model_of(spec, more)


def test_of_units_that_are_alike_one_counts(make_spec):
    """5000 units with a yes or no at each of four times, and another predictor that differs in every row."""
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"id": np.repeat(np.arange(5000), 4), "time": np.tile(np.arange(4.0), 5000)})
    rows = rows.assign(flag=rng.integers(0, 2, 20000), x=rng.normal(size=20000), row=np.arange(20000))
    alike, unlike = (
        make_spec(f"flag ~ 1 + {predictor} + (1 | id)", "Intercept b sd", family="bernoulli", **AUTO)
        for predictor in ("time", "x")
    )
    # Each of the ways to answer four times.
    assert model_of(alike, complete_cases(alike, rows)).computed == 4 * 2**4
    with pytest.raises(NoQuadrature, match="with 20000 rows and 8 nodes along each effect quadrature takes longer"):
        model_of(unlike, complete_cases(unlike, rows))


WITHOUT_EFFECTS = [
    ("y", "bernoulli", None, {}),
    ("c", "poisson", None, {}),
    ("c", "negativebinomial", None, ALPHA),
    ("size", "gamma", "log", ALPHA),
]


@pytest.mark.numbers
@pytest.mark.parametrize(("outcome", "family", "link", "priors"), WITHOUT_EFFECTS)
def test_without_effects_evidence_and_moments_are_those_of_a_grid(make_spec, small, outcome, family, link, priors):
    """Intercept (at the mean of x), slope and alpha on a grid; densities are SciPy's."""
    small = small.assign(size=(1 + small["c"]) * np.exp(small["x"] / 3))
    settings = AUTO | {"draws": 4000, "family": family, "link": link}
    spec = make_spec(f"{outcome} ~ 1 + x", "Intercept b", priors=priors, **settings)
    groups, how = posterior.fit(model_of(spec, complete_cases(spec, small)))
    assert how["engine"] == "independent"
    x, y = small["x"].to_numpy() - small["x"].mean(), small[outcome].to_numpy()
    log_alphas = np.linspace(-4, 5, 61) if priors else np.zeros(1)
    grid = [np.linspace(-4, 4, 101), np.linspace(-4, 4, 101), log_alphas]
    intercept, slope, log_alpha = np.meshgrid(*grid, indexing="ij")
    prior = {name: dict(spec.priors[name].args)["sigma"] for name in ("Intercept", "b")}
    values = stats.norm.logpdf(intercept, 0, prior["Intercept"]) + stats.norm.logpdf(slope, 0, prior["b"])
    alpha = np.exp(log_alpha)
    values += stats.expon.logpdf(alpha) + log_alpha if priors else 0.0
    for own, value in zip(x, y, strict=True):
        eta = intercept + slope * own
        if family == "bernoulli":
            values += stats.bernoulli.logpmf(value, 1 / (1 + np.exp(-eta)))
        elif family == "poisson":
            values += stats.poisson.logpmf(value, np.exp(eta))
        elif family == "gamma":
            values += stats.gamma.logpdf(value, alpha, scale=np.exp(eta) / alpha)
        else:
            values += stats.nbinom.logpmf(value, alpha, alpha / (alpha + np.exp(eta)))
    cell = np.prod([points[1] - points[0] for points in grid if len(points) > 1])
    weights = np.exp(values - values.max())
    assert how["log_evidence"] == pytest.approx(
        values.max() + np.log(weights.sum() * cell), abs=4 * how["mcse_log_evidence"] + 1e-4
    )
    weights /= weights.sum()
    draws = groups["posterior"]
    at_mean = draws["Intercept"] + draws["x"] * small["x"].mean()
    own = [(at_mean, intercept), (draws["x"], slope)] + ([(np.log(draws["alpha"]), log_alpha)] if priors else [])
    for drawn, at in own:
        mean = (at * weights).sum()
        sd = np.sqrt(((at - mean) ** 2 * weights).sum())
        # Of 8000 draws at least 4000 are worth as much as independent ones.
        assert float(drawn.mean()) == pytest.approx(mean, abs=4 * sd / np.sqrt(4000))
        assert float(drawn.std()) == pytest.approx(sd, rel=4 * np.sqrt(1.5 / 4000))


def test_without_effects_there_may_be_more_parameters(make_spec, monkeypatch):
    """Of many rows, whose posterior is nearly normal: its mean and sds are then those of the mode and curvature."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2000, 20))
    data = pd.DataFrame(x, columns=[f"x{i}" for i in range(20)])
    data["y"] = rng.poisson(np.exp(0.5 + x @ rng.normal(0, 0.1, 20)))
    data["id"], data["row"] = data.index % 10, data.index
    spec = make_spec("y ~ 1 + " + " + ".join(data.columns[:20]), "Intercept b", family="poisson", **AUTO)
    model = model_of(spec, complete_cases(spec, data))
    groups, _ = posterior.fit(model)
    drawn = np.array([groups["posterior"][f"x{i}"].to_numpy().ravel() for i in range(20)])
    wanted = model.parameters(np.zeros((1, 21))).common[0, 1:]
    sds = model.matrices.prior_sd[1:] * np.sqrt((model.root**2).sum(axis=1))[1:]
    assert (np.abs(drawn.mean(axis=1) - wanted) < 0.2 * sds).all()
    np.testing.assert_allclose(drawn.std(axis=1), sds, rtol=0.15)
    monkeypatch.setattr(module, "GOOD_ACCEPTANCE", 1.1)
    with pytest.raises(NoQuadrature, match=r"with 21 parameters its posterior is too far from normal, with acceptance"):
        posterior.fit(model)
    monkeypatch.setattr(module, "MOST_WITHOUT_EFFECTS", 20)
    with pytest.raises(NoQuadrature, match="it has 21 parameters beside the effects of units, and with more than 20"):
        model_of(spec, complete_cases(spec, data))


def test_without_effects_many_rows_are_taken_some_draws_at_a_time(make_spec, units, monkeypatch):
    spec = make_spec("count ~ 1 + x", "Intercept b", family="poisson", **AUTO)
    rows = complete_cases(spec, pd.concat([units] * 20, ignore_index=True))
    at_once, _ = posterior.fit(model_of(spec, rows))
    for used in (module, posterior):
        monkeypatch.setattr(used, "LINEAR_PREDICTORS", 10_000)
    in_parts, _ = posterior.fit(model_of(spec, rows))
    for name, group in at_once.items():
        xr.testing.assert_allclose(group, in_parts[name], rtol=1e-8)


def test_what_no_values_of_its_parameters_allow_is_left_to_nuts(make_spec, small):
    spec = make_spec("c ~ 1 + offset(far)", "Intercept", family="poisson", **AUTO)
    model = model_of(spec, complete_cases(spec, small.assign(far=5000.0)))
    with pytest.raises(NoQuadrature, match="no values of its parameters are found that both data and priors allow"):
        posterior.fit(model)


HARD = {
    "separated": ("y ~ 1 + x", "bernoulli", {"x": np.arange(21.0), "y": np.arange(21) > 9}),
    "all alike": ("y ~ 1 + x", "bernoulli", {"y": np.ones(21, dtype=int)}),
    "no events": ("c ~ 1 + x", "poisson", {"c": np.zeros(21, dtype=int)}),
    "collinear": ("y ~ 1 + x + twice", "bernoulli", {"twice": np.arange(21) / 5}),
    "large offset": ("c ~ 1 + offset(far)", "poisson", {"far": np.full(21, 200.0)}),
    "larger offset": ("c ~ 1 + offset(far)", "poisson", {"far": np.full(21, 1000.0)}),
    "large counts": ("c ~ 1 + x", "poisson", {"c": np.arange(21) * 1000}),
    "large counts, alpha": ("c ~ 1 + x", "negativebinomial", {"c": np.arange(21) * 1000}),
    "sizes far apart": ("s ~ 1 + x", "gamma", {"s": 10.0 ** np.arange(-10, 11)}),
    "small sizes": ("s ~ 1 + x", "gamma", {"s": 1e-50 * (1 + np.arange(21) % 4)}),
    "sizes all alike": ("s ~ 1 + x", "gamma", {"s": np.full(21, 3.0)}),
    "one row": ("y ~ 1", "bernoulli", None),
}


@pytest.mark.parametrize("case", HARD)
def test_hard_data_have_draws_that_can_be_trusted_or_a_reason(make_spec, small, case):
    formula, family, changes = HARD[case]
    data = small.head(1) if changes is None else small.assign(**changes)
    data["y"] = data["y"].astype(int)
    names = "Intercept" + " b" * ("x" in formula)
    settings = AUTO | {"family": family, "link": "log" if family == "gamma" else None}
    spec = make_spec(formula, names, priors=ALPHA if family in WITH_ALPHA else {}, **settings)
    groups, how = posterior.fit(model_of(spec, complete_cases(spec, data)))
    assert how["pareto_k"] < 0.5
    for group in ("posterior", "log_likelihood"):
        assert all(np.isfinite(values).all() for values in groups[group].values())


def test_more_nodes_are_taken_where_few_are_not_enough(make_spec, small, monkeypatch):
    spec = make_spec("y ~ 1 + (1 | id)", "Intercept sd", family="bernoulli", **AUTO)
    model = model_of(spec, complete_cases(spec, small))
    x = np.zeros((3, model.dimensions))
    model._take_enough_nodes(x)
    assert model.nodes == 8
    monkeypatch.setattr(module, "TOLERANCE", 1e-9)
    model._take_enough_nodes(x)
    assert model.nodes > 8
    monkeypatch.setattr(module, "TOLERANCE", -1.0)
    with pytest.raises(NoQuadrature, match=r"its log likelihood differs by .* with 96 and with 192 nodes along each"):
        model.draw(chains=2, draws=500, rng=np.random.default_rng(1))


def test_units_that_are_far_apart_are_left_to_nuts(make_spec, small):
    """Half-Cauchy priors that say nothing, and outcomes that do not either: steps in the place of slopes."""
    spec = make_spec("y ~ 1 + (1 | id)", "Intercept", priors={"sd": "HalfCauchy(100)"}, family="bernoulli", **AUTO)
    model = model_of(spec, complete_cases(spec, small.assign(y=[0, 0, 0, 1, 1, 1, 1] * 3)))
    with pytest.raises(NoQuadrature, match=r"its log likelihood differs by|quadrature takes longer than NUTS"):
        model.draw(chains=2, draws=500, rng=np.random.default_rng(1))
