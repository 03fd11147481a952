"""What a change of the data that says the same does to a fit: nothing, or exactly what it must.

Draws of the scales follow from their density, and coefficients from their normal distribution given the scales: both
are held to each other at a few values of the scales.
"""

import os
from collections.abc import Callable

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from partialpool.marginal.closed_form import design
from partialpool.marginal.sample import Posterior
from partialpool.marginal.scales import Scales
from partialpool.model.automatic import automatic_priors
from partialpool.model.formula import complete_cases
from partialpool.model.spec import ModelSpec
from partialpool.sampling.priors import log_prior

# Few and always the same; PROPERTY_EXAMPLES=1000 looks further, and elsewhere each time.
EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "5"))
few = settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=EXAMPLES == 5)

FORMULAS = {
    "y ~ 1 + x": "Intercept b[x]",
    "y ~ 0 + id": "b[id]",
    "y ~ 1 + (1 | id)": "Intercept sd[Intercept]",
    "y ~ 1 + x + (1 | id)": "Intercept b[x] sd[Intercept]",
    "y ~ 0 + group + x + (0 + x | id)": "b[group] b[x] sd[x]",
    "y ~ 1 + x + (1 + x | id)": "Intercept b[x] sd[Intercept] sd[x] cor",
    "y ~ 1 + x + group + (1 + x | id) + (1 | item)": "Intercept b[x] b[group] sd[Intercept] sd[x] cor",
}


def spec_of(formula: str, *, size=1.0, shift=0.0, slope=1.0, automatic=False) -> ModelSpec:
    """A spec with priors of an outcome that is ``size`` times as large and then shifted, and of other slopes."""
    level, coefficient, scale = 0.5 * size + shift, 1.5 * size, 1 / size
    priors = {
        "Intercept": f"Normal({level!r}, {coefficient!r})",
        "b[id]": f"Normal({level!r}, {coefficient!r})",
        "b[group]": f"Normal({level if formula.startswith('y ~ 0') else 0.0!r}, {coefficient!r})",
        "b[x]": f"Normal({0.3 * size * slope!r}, {size * slope!r})",
        "sd[Intercept]": f"Exponential({scale!r})",
        "sd[x]": f"Exponential({scale / slope!r})",
        "cor": "LKJ(2)",
    }
    needed = {name: priors[name] for name in FORMULAS[formula].split()} | {"sigma": f"Exponential({2 * scale!r})"}
    values = {
        "formula": formula,
        "family": "gaussian",
        "link": None,
        "priors": {} if automatic else needed,
        "unit": "id",
        "engine": "marginal",
        "group_effects": "auto",
        "sampler": "nutpie",
        "chains": 2,
        "warmup": 100,
        "draws": 50,
        "target_accept": 0.9,
        "seed": 3,
    }
    return ModelSpec.from_dict(values)


@st.composite
def measurements(draw) -> pd.DataFrame:
    """Two to eight units, one to five rows each, in no order; numbers from a seed, so that none is exactly special."""
    rows = draw(st.lists(st.integers(1, 5), min_size=2, max_size=8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    unit = rng.permutation(np.repeat(np.arange(len(rows)), rows))
    n = len(unit)
    frame = pd.DataFrame(
        {
            "id": [f"u{own}" for own in unit],
            "x": rng.normal(1, 2, n),
            "group": pd.Categorical(rng.permutation(np.resize(["a", "b"], n))),
            "item": pd.Categorical(rng.permutation(np.resize(["p", "q", "r"], n))),
            "row": np.arange(n),
        }
    )
    return frame.assign(y=rng.normal(0.5, 1, n) + 0.7 * rng.normal(size=len(rows))[unit] + 0.2 * frame["x"])


studies = st.tuples(st.sampled_from(sorted(FORMULAS)), measurements())


class Known:
    """What a fit is drawn from, at a few values of the scales.

    Parameters
    ----------
    spec, frame
        Of the fit.
    scales
        Other values of the scales than those of a fit of the same shape.
    """

    def __init__(self, spec: ModelSpec, frame: pd.DataFrame, scales: Scales | None = None):
        rows = complete_cases(spec, frame)
        self.posterior = Posterior(design(spec.with_priors(automatic_priors(spec, rows)), rows))
        self.matrices, self.model, space = self.posterior.matrices, self.posterior.model, self.posterior.space
        points = np.random.default_rng(1).normal(size=(4, space.dimensions))
        self.scales = scales or Scales.at(space, points)

    def log_density(self) -> np.ndarray:
        """Log likelihood of the scales, and of the prior what does not depend on correlations, (4,)."""
        values = np.column_stack([self.scales.sigma, *self.scales.sd])
        priors = [log_prior(prior, own) for prior, own in zip(self.posterior.space.priors, values.T, strict=True)]
        return self.model.log_likelihood(self.scales) + np.sum(priors, axis=0)

    def coefficients(self) -> dict[str, np.ndarray]:
        """Means and sds of the common coefficients of the centred design given the scales, (2, 4, k), by term."""
        basis, p = self.model.at.basis, self.matrices.x.shape[1]
        if self.matrices.factors:
            mean, covariance = self.model.dense_posterior(self.scales)
        else:
            mean, precision = self.model.posterior(self.scales.sigma)
            covariance = np.eye(p) / precision[:, :, None]
        mean = self.model.at.origin + mean[:, :p] @ basis.T
        covariance = basis @ covariance[:, :p, :p] @ basis.T
        both = np.stack([mean, np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))])
        return {name: both[..., columns] for name, columns in self.matrices.common_columns.items()}

    def changed(self, of_effects: Callable[[str], float] = lambda effect: 1.0, of_sigma=1.0) -> Scales:
        """The scales, each sd multiplied by what a function of its effect's name says."""
        scales, sds = self.scales, []
        for factor, sd in zip(self.matrices.factors, scales.sd, strict=True):
            sds.append(sd * [of_effects(term.expression) for term in factor.terms])
        return Scales(scales.sigma * of_sigma, tuple(sds), scales.correlation)


def assert_same(one: Known, other: Known, *, density=0.0, shift=None, times=None, units=None) -> None:
    """Hold two fits to each other.

    Parameters
    ----------
    one, other
        The fits.
    density
        By how much the log density of the other is larger.
    shift, times
        By term what is added to the mean of its coefficients, after they are multiplied.
    units
        New names of units, where these have intercepts of their own.
    """
    np.testing.assert_allclose(other.log_density(), one.log_density() + density, 1e-8, 1e-8)
    ours, theirs = one.coefficients(), other.coefficients()
    assert list(ours) == list(theirs)
    for name, (mean, sd) in ours.items():
        factor = (times or {}).get(name, 1.0)
        wanted, got = np.stack([factor * mean + (shift or {}).get(name, 0.0), factor * sd]), theirs[name]
        if units and name == "id":
            old, new = (list(known.matrices.common[0].levels) for known in (one, other))
            got = got[..., [new.index(units[unit]) for unit in old]]
        np.testing.assert_allclose(got, wanted, 1e-8, 1e-8 * np.abs(wanted).max())


@few
@given(studies, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(study, chance):
    formula, frame = study
    order, spec = chance.sample(range(len(frame)), len(frame)), spec_of(formula)
    assert_same(Known(spec, frame), Known(spec, frame.iloc[order]))


@few
@given(studies, st.randoms(use_true_random=False))
def test_names_of_units_do_not_matter(study, chance):
    formula, frame = study
    old, spec = sorted(frame["id"].unique()), spec_of(formula)
    new = dict(zip(old, chance.sample([f"é{i} _" for i in range(20)], len(old)), strict=True))
    assert_same(Known(spec, frame), Known(spec, frame.assign(id=frame["id"].map(new))), units=new)


@few
@given(studies, st.floats(-1e4, 1e4))
def test_an_outcome_that_is_shifted_shifts_intercepts_and_nothing_else(study, by):
    formula, frame = study
    shifted = Known(spec_of(formula, shift=by), frame.assign(y=frame["y"] + by))
    level = "Intercept" if "Intercept" in FORMULAS[formula] else "id" if "0 + id" in formula else "group"
    assert_same(Known(spec_of(formula), frame), shifted, shift={level: by})


@few
@given(studies, st.floats(-8, 8))
def test_another_unit_of_the_outcome_multiplies_estimates(study, exponent):
    formula, frame = study
    by, one = 10**exponent, Known(spec_of(formula), frame)
    scales = one.changed(lambda effect: by, by)
    other = Known(spec_of(formula, size=by), frame.assign(y=frame["y"] * by), scales)
    # Every row and every scale has a density per unit.
    density = -np.log(by) * (len(frame) + len(one.posterior.space.priors))
    assert_same(one, other, density=density, times=dict.fromkeys(one.matrices.common_columns, by))


@few
@given(studies, st.integers(-8, 8))
def test_automatic_priors_go_along_with_the_unit_of_the_outcome(study, exponent):
    formula, frame = study
    by, one = 10.0**exponent, Known(spec_of(formula, automatic=True), frame)
    scales = one.changed(lambda effect: by, by)
    other = Known(spec_of(formula, automatic=True), frame.assign(y=frame["y"] * by), scales)
    density = -np.log(by) * (len(frame) + len(one.posterior.space.priors))
    assert_same(one, other, density=density, times=dict.fromkeys(one.matrices.common_columns, by))


@few
@given(studies, st.floats(0.01, 400))
def test_days_for_weeks_divide_slopes(study, by):
    formula, frame = study
    assume("x" in formula)
    one = Known(spec_of(formula), frame)
    scales = one.changed(lambda effect: 1 / by if effect == "x" else 1.0)
    other = Known(spec_of(formula, slope=1 / by), frame.assign(x=frame["x"] * by), scales)
    density = np.log(by) * FORMULAS[formula].count("sd[x]")
    assert_same(one, other, density=density, times={"x": 1 / by})


@few
@given(measurements(), st.floats(-50, 50))
def test_time_that_begins_elsewhere_turns_the_covariance_of_intercepts_and_slopes(frame, by):
    formula = "y ~ 1 + x + group + (1 + x | id) + (1 | item)"
    one, other = (Known(spec_of(formula), own) for own in (frame, frame.assign(x=frame["x"] + by)))
    # The intercept at x = 0 was the one at x = -by.
    cholesky = np.array([[1.0, -by], [0.0, 1.0]]) @ one.scales.cholesky[0]
    covariance = cholesky @ np.swapaxes(cholesky, 1, 2)
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    correlation = np.linalg.cholesky(covariance / (sd[:, :, None] * sd[:, None, :]))
    other.scales = Scales(one.scales.sigma, (sd, one.scales.sd[1]), (correlation, one.scales.correlation[1]))
    ours, theirs = (known.model.log_likelihood(known.scales) for known in (one, other))
    np.testing.assert_allclose(theirs, ours, 1e-8, 1e-8)
    for name, wanted in one.coefficients().items():
        np.testing.assert_allclose(other.coefficients()[name], wanted, 1e-8, 1e-8)


@few
@given(studies)
def test_a_level_without_rows_does_not_matter(study):
    formula, frame = study
    columns = {name: frame[name].astype("category") for name in ("id", "group", "item")}
    more = {name: column.cat.add_categories(["0 none", "z none"]) for name, column in columns.items()}
    assert_same(Known(spec_of(formula), frame), Known(spec_of(formula), frame.assign(**more)))
