"""The priors of a fit: their densities at its draws, and draws from them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from partialpool.model.families import CUMULATIVE
from partialpool.model.names import (
    INTERCEPT,
    classify,
    common_dim,
    correlation_names,
    effect_terms,
    is_grouping_dim,
    pair_dim,
)
from partialpool.model.population import cholesky_of_correlations, population_of
from partialpool.model.priors import Distribution
from partialpool.model.spec import ModelSpec
from partialpool.predict.by_level import for_each_level, level_dim
from partialpool.predict.linear import LinearPredictor

THRESHOLD = "threshold"
# ASSUME: from a start inside, so many Gibbs sweeps over the few thresholds of an outcome forget where they began.
SWEEPS = 50


class HalfStudentT:
    """Student's t distribution folded at 0, with the methods of SciPy's distributions that are used here."""

    def __init__(self, nu: float, sigma: float):
        from scipy import stats

        self.whole = stats.t(nu, scale=sigma)

    def logpdf(self, x):
        """Log density."""
        return np.where(np.asarray(x) < 0, -np.inf, np.log(2) + self.whole.logpdf(x))

    def ppf(self, p):
        """Quantiles."""
        return self.whole.ppf((1 + np.asarray(p)) / 2)


def in_scipy(prior: Distribution):
    """A prior as a frozen distribution of SciPy, of several variables along the last axis; LKJ has none."""
    from scipy import stats

    makers = {
        "Normal": lambda mu, sigma: stats.norm(mu, sigma),
        "StudentT": lambda nu, mu, sigma: stats.t(nu, mu, sigma),
        "Cauchy": lambda alpha, beta: stats.cauchy(alpha, beta),
        "Laplace": lambda mu, b: stats.laplace(mu, b),
        "Logistic": lambda mu, s: stats.logistic(mu, s),
        "Uniform": lambda lower, upper: stats.uniform(lower, upper - lower),
        "Exponential": lambda lam: stats.expon(scale=1 / lam),
        "HalfNormal": lambda sigma: stats.halfnorm(scale=sigma),
        "HalfStudentT": HalfStudentT,
        "HalfCauchy": lambda beta: stats.halfcauchy(scale=beta),
        "Gamma": lambda alpha, beta: stats.gamma(alpha, scale=1 / beta),
        "InverseGamma": lambda alpha, beta: stats.invgamma(alpha, scale=beta),
        "LogNormal": lambda mu, sigma: stats.lognorm(sigma, scale=np.exp(mu)),
        "Weibull": lambda alpha, beta: stats.weibull_min(alpha, scale=beta),
        "Beta": lambda alpha, beta: stats.beta(alpha, beta),
    }
    return makers[prior.name](*(np.asarray(value) for _, value in prior.args))


def repeated(prior: Distribution, n: int) -> Distribution:
    """A prior of n values: that of the columns of a term, once for each level of a categorical outcome."""
    args = ((name, value * (n // len(value)) if isinstance(value, tuple) else value) for name, value in prior.args)
    return Distribution(prior.name, tuple(args))


@dataclass(frozen=True)
class PriorsOfFit:
    """The priors of all parameters of a fit that are not effects of single levels.

    Attributes
    ----------
    posterior
        Dataset of the fit: its variables have these priors.
    spec
        What it was fitted to, with all priors (``store.spec_of``).
    predictor
        Of the model and its rows.
    rows
        The model's complete cases.
    """

    posterior: object
    spec: ModelSpec
    predictor: LinearPredictor
    rows: pd.DataFrame

    def of(self, name: str) -> Distribution:
        """The prior of a variable of the posterior."""
        kind, what = classify(name, self.posterior[name].dims)
        if kind == "cor":
            return self.spec.priors["cor"]
        if kind == "sd":
            keys = [f"sd[{what.coefficient}]", "sd"]
        elif name == INTERCEPT or name in self.posterior.attrs.get("family_parameters", "").split():
            keys = [name]
        else:
            keys = [f"b[{name}]", "b"]
        return next(self.spec.priors[key] for key in keys if key in self.spec.priors)

    def variables(self) -> Iterator[str]:
        """Variables with a prior of their own, correlations among them."""
        for name, values in self.posterior.data_vars.items():
            if not any(is_grouping_dim(dim) for dim in values.dims):
                yield str(name)

    def log_density(self) -> np.ndarray:
        """Log density of the priors at each draw, (chain, draw), up to a constant.

        That of the intercept is at that of centred predictors, as in the model; that of correlations is a density of
        the correlations themselves. The distribution of group-level effects is a part of the model and no prior.
        """
        total = np.zeros((self.posterior.sizes["chain"], self.posterior.sizes["draw"]))
        for name in self.variables():
            prior = self.of(name)
            if prior.name == "LKJ":
                continue
            values = self._draws(name)
            if name == INTERCEPT:
                values = values + self._shift(self._draws)
            total += in_scipy(repeated(prior, values.shape[-1])).logpdf(values).sum(axis=-1)
        if "cor" in self.spec.priors:
            total += self._log_density_of_correlations()
        return total

    def _log_density_of_correlations(self) -> np.ndarray:
        eta = dict(self.spec.priors["cor"].args)["eta"]
        total = np.zeros((self.posterior.sizes["chain"], self.posterior.sizes["draw"]))
        if eta == 1:
            return total
        for of_level, grouping in self._populations():
            root = cholesky_of_correlations(population_of(of_level, grouping).correlation)[0]
            diagonal = np.diagonal(root, axis1=-2, axis2=-1)
            total += 2 * (eta - 1) * np.log(np.maximum(diagonal, np.finfo(float).tiny)).sum(axis=-1)
        return total

    def _populations(self) -> Iterator[tuple]:
        """Posterior and grouping factor of each population: of a categorical outcome each level has its own."""
        terms = effect_terms(self.posterior)
        for grouping, dim in {term.grouping: level_dim(self.posterior, term) for term in terms}.items():
            for i in [None] if dim is None else range(self.posterior.sizes[dim]):
                yield self.posterior if i is None else self.posterior.isel({dim: i}), grouping

    def _draws(self, name: str) -> np.ndarray:
        """Draws of a variable, (chain, draw, values), in the order of ``_dims``."""
        values = self.posterior[name].transpose("chain", "draw", *self._dims(name)).to_numpy()
        return values.reshape(*values.shape[:2], -1)

    def _dims(self, name: str) -> list[str]:
        """Dimensions of a variable; that of the columns of a term is the last, behind that of a categorical outcome."""
        dims = [str(dim) for dim in self.posterior[name].dims if dim not in ("chain", "draw")]
        return sorted(dims, key=lambda dim: dim == common_dim(name))

    def _shift(self, draws_of) -> np.ndarray:
        """What takes intercepts at predictors = 0 to those at their means, (chain, draw, intercepts).

        ``draws_of`` a term has its coefficients on the last axis: of a categorical outcome those of each of its levels.
        """
        shift = np.zeros(1)
        for name, centre in self._centres().items():
            draws = draws_of(name)
            shift = shift + draws.reshape(*draws.shape[:-1], -1, len(centre)) @ centre
        return shift

    def _centres(self) -> dict[str, np.ndarray]:
        """Means of the columns of each common term; none of a model without an intercept, which is not centred."""
        common = self.predictor.matrices.common
        terms = common.terms if common and INTERCEPT in self.posterior else {}
        return {
            name: np.asarray(term.data, dtype=float).reshape(len(self.rows), -1).mean(axis=0)
            for name, term in terms.items()
            if term.kind not in ("offset", "intercept")
        }

    def draw(self, draws: int, rng: np.random.Generator):
        """Draws from the priors.

        Parameters
        ----------
        draws
            How many.
        rng
            Source of randomness.

        Returns
        -------
        Dataset
            As that of the fit, with one chain: effects of all levels among the variables.
        """
        import xarray as xr

        drawn = {name: self._draw(name, draws, rng) for name in self.variables() if self.of(name).name != "LKJ"}
        if INTERCEPT in drawn:
            drawn[INTERCEPT] = drawn[INTERCEPT] - self._shift(drawn.get)
        variables, coords = {}, {"chain": [0], "draw": np.arange(draws)}
        for name, values in drawn.items():
            dims = self._dims(name)
            shape = [self.posterior.sizes[dim] for dim in dims]
            variables[name] = (("chain", "draw", *dims), values.reshape(1, draws, *shape))
            coords |= {dim: self.posterior[dim] for dim in dims if dim in self.posterior.coords}
        prior = xr.Dataset(variables, coords, self.posterior.attrs)
        for grouping in dict.fromkeys(term.grouping for term in effect_terms(self.posterior)):
            dim = level_dim(self.posterior, effect_terms(self.posterior, grouping)[0])
            names = [*correlation_names(self.posterior, grouping)]
            names += [term.name for term in effect_terms(self.posterior, grouping)]
            prior = for_each_level(prior, dim, names, lambda one, of=grouping: self._with_effects(one, of, rng))
        return prior

    def _draw(self, name: str, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Draws of a variable, (draws, values)."""
        n = int(np.prod([size for dim, size in self.posterior[name].sizes.items() if dim not in ("chain", "draw")]))
        values = in_scipy(repeated(self.of(name), n)).ppf(rng.random((draws, n)))
        if name == THRESHOLD and self.spec.family == CUMULATIVE:
            return _ordered(values, [in_scipy(one) for one in self.of(name).each(n)], rng)
        return values

    def _with_effects(self, prior, grouping: str, rng: np.random.Generator):
        """With correlations and effects of a grouping factor; of a categorical outcome those of one of its levels."""
        terms, draws = effect_terms(self.posterior, grouping), prior.sizes["draw"]
        for name in correlation_names(self.posterior, grouping):
            dim = pair_dim(name)
            labels = self.posterior[dim].to_numpy()
            values = _lkj(labels, dict(self.spec.priors["cor"].args)["eta"], draws, rng)
            prior = prior.assign({name: (("chain", "draw", dim), values[None])}).assign_coords({dim: labels})
        population, levels = population_of(prior, grouping), self.predictor.levels[terms[0].name].labels
        noise = rng.standard_normal((draws, len(levels), population.sd.shape[-1]))
        effects = np.einsum("dij,dlj->dil", population.cholesky[0], noise)
        for term, columns in zip(population.terms, population.columns, strict=True):
            own = {dim: len(labels) for dim, labels in term.level_coords.items()}
            shape = 1, draws, *own.values(), len(levels)
            dims = "chain", "draw", *own, term.grouping_dim
            prior = prior.assign({term.name: (dims, effects[:, columns].reshape(shape))})
            prior = prior.assign_coords({term.grouping_dim: np.array(levels, dtype=object)} | term.level_coords)
        return prior


def _lkj(labels: np.ndarray, eta: float, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draws of LKJ correlations, (draws, pairs), of pairs of effects in the order of ``labels``.

    By partial correlations, which are 2 Beta(b, b) - 1 with b = eta + (q - 2 - k) / 2 where k effects are given
    (Lewandowski, Kurowicka & Joe 2009).
    """
    q = int((1 + np.sqrt(1 + 8 * len(labels))) / 2)
    root = np.tile(np.eye(q), (draws, 1, 1))
    for j in range(1, q):
        left = np.ones(draws)
        for k in range(j):
            b = eta + (q - 2 - k) / 2
            partial = 2 * rng.beta(b, b, draws) - 1
            root[:, j, k], left = partial * left, left * np.sqrt(1 - partial**2)
        root[:, j, j] = left
    return np.column_stack([(root[:, i] * root[:, j]).sum(axis=-1) for i, j in combinations(range(q), 2)])


def _ordered(values: np.ndarray, priors: list, rng: np.random.Generator) -> np.ndarray:
    """Draws (draws, k) of independent priors given that they rise, by Gibbs sweeps from independent ones, sorted."""
    values = np.sort(values, axis=1)
    edge = np.full((len(values), 1), np.inf)
    for _ in range(SWEEPS):
        for i, prior in enumerate(priors):
            padded = np.hstack([-edge, values, edge])
            low, high = prior.cdf(padded[:, i]), prior.cdf(padded[:, i + 2])
            values[:, i] = prior.ppf(low + (high - low) * rng.random(len(values)))
    return values
