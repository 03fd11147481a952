"""Cross-validation of models without a closed form: moment matching and exact refits, also those of folds (``kfold``).

A refit leaves rows out by dividing their density out of the joint density of the model, which keeps all of its
parameters: the effects of a unit without rows then have the distribution of the population, levels that are not seen
stay, predictors stay centred where they were, and all refits of a model are compiled once.
"""

import numpy as np
import pandas as pd

from partialpool.fit.by_row import draws_by_row
from partialpool.fit.fit import settled
from partialpool.fit.nuts import starts
from partialpool.loo import moment_match
from partialpool.loo.joint import Density, Unrecoverable
from partialpool.loo.pointwise import GOOD_PARETO_K, Estimate, PointwiseElpd
from partialpool.model.formula import complete_cases
from partialpool.model.reproducible import reproducible
from partialpool.model.spec import ModelSpec
from partialpool.weights.smoothing import efficiency_of_one, log_sum_exp, relative_error, smooth_one

# Draws of the effects of a unit without rows, for each draw of the posterior.
REPEATS = 25
# ASSUME: two posteriors with a smaller share in common, of 0.5 if they are the same, are too far from each other for
# one bridge. At 0.01 the error of 4000 draws is about 0.15, and known; at a tenth of it neither.
LEAST_IN_COMMON = 0.01
# Bridges between a posterior without some rows and that with them; each needs a fit of its own.
MOST_BRIDGES = 16


def observations(
    tree, spec: ModelSpec, data: pd.DataFrame, weighted: PointwiseElpd, *, most: int | None = None, cores: int
) -> PointwiseElpd:
    """Leave-one-out cross-validation where importance sampling fails: moment matching, then exact refits.

    The only row of a unit, or of a level of another grouping factor, is refitted without trying moment matching.

    Parameters
    ----------
    tree
        The fit, by NUTS.
    spec, data
        What it was fitted to.
    weighted
        By importance weights: from ``psis.of_fit`` or ``by_quadrature``.
    most
        How many refits there may be; if it takes more, there is none. None for any number.
    cores
        Chains of a refit that run at the same time.

    Returns
    -------
    PointwiseElpd
        The same, with better values where ``pareto_k`` was over 0.7. ``method`` is the first that was good enough for a
        row: that of ``weighted``, ``moment_matching`` (with a ``pareto_k`` of up to 0.5), or ``refit`` (see
        ``bridge``).
    """
    if not weighted.bad.any():
        return weighted
    rows = complete_cases(spec, data)
    position = {row: i for i, row in enumerate(rows["row"])}
    # Positions among the complete cases, by index into ``weighted``.
    positions = {index: position[weighted.labels[index]] for index in np.flatnonzero(weighted.bad)}
    with reproducible():
        density = Density(spec, rows)
        matched = _by_moments(density, tree, positions)
        left = {index: i for index, i in positions.items() if index not in matched}
        print(f"Pareto k over 0.7: {len(positions)} rows; {len(matched)} by moment matching, {len(left)} need refits.")
        if most is not None and len(left) > most:
            print(f"No refits, because there are more than {most}. To ask for them: 'estimands: [observation]'.")
            left = {}
        refitted = _by_refits(density, tree, spec, left, cores=cores) if left else {}
    return weighted.replaced(matched, "moment_matching").replaced(refitted, "refit")


def _by_moments(density: Density, tree, positions: dict[int, int]) -> dict[int, Estimate]:
    """Estimates of the rows at some positions for which moment matching is good enough."""
    try:
        draws, log_density, log_likelihood = density.recover(tree)
    except Unrecoverable as reason:
        print(f"No moment matching: {reason}.")
        return {}
    # ASSUME: not for the only row of a unit, or of another level. Without it the effects are distributed as in the
    # population. No affine transformation makes that of their posterior with it, and the weights need not show that.
    matched = {
        index: moment_match.match(draws, log_density, log_likelihood[..., i], lambda x, i=i: density(x, i))
        for index, i in positions.items()
        if not density.unseen(np.array([i])).any()
    }
    return {index: estimate for index, estimate in matched.items() if estimate.pareto_k <= GOOD_PARETO_K}


def _by_refits(
    density: Density, tree, spec: ModelSpec, positions: dict[int, int], *, cores: int
) -> dict[int, Estimate]:
    """Estimates of the rows at some positions from fits without each of them."""
    refits = Refits(density, spec, cores=cores)
    log_likelihood, estimates = draws_by_row(tree, "log_likelihood"), {}
    for index, i in positions.items():
        row = np.array([i])
        outside = refits.densities(refits.sample(row), row, [row])[0]
        estimates[index] = bridges(refits, row, row, outside, log_likelihood[..., i])
    return estimates


class Refits:
    """Fits of one model without some of its rows.

    Parameters
    ----------
    density
        The model.
    spec
        Its spec, for the settings of the sampler.
    cores
        Chains that run at the same time.
    """

    def __init__(self, density: Density, spec: ModelSpec, *, cores: int):
        import nutpie
        import pymc as pm
        import pytensor.tensor as pt

        self.density, self.seed = density, spec.seed
        self.settings = {
            "draws": spec.draws,
            "tune": spec.warmup,
            "chains": spec.chains,
            "target_accept": settled(spec, "nuts").target_accept,
            "cores": cores,
        }
        model, observed = density.model, density.observed
        with model:
            # Names that no column has.
            left_out = pm.Data("__left_out__", np.zeros(density.n))
            by_row = pm.logp(observed, model.rvs_to_values[observed])
            pm.Potential("__without__", -pt.switch(left_out > 0, left_out * by_row, 0.0).sum())
        # ASSUME: nutpie, whichever sampler the spec names: it takes other rows without being compiled again.
        self.compiled = nutpie.compile_pymc_model(model, var_names=[], **starts(density.bambi))

    def sample(self, left_out: np.ndarray, *, partly: np.ndarray | None = None, power: float = 0) -> np.ndarray:
        """Draws of the posterior without some rows.

        Parameters
        ----------
        left_out
            Positions of rows that are left out.
        partly, power
            Positions of rows, among ``left_out`` or not, whose density is raised to a power from 0 to 1.

        Returns
        -------
        (chain, draw, d), on the unconstrained space
        """
        import nutpie

        mask = np.zeros(self.density.n)
        mask[left_out] = 1
        if partly is not None:
            mask[partly] = 1 - power
        tree = nutpie.sample(
            self.compiled.with_data(__left_out__=mask),
            seed=self.seed,
            progress_bar=False,
            store_unconstrained=True,
            **self.settings,
        )
        stats = tree["sample_stats"]
        if divergences := int(stats["diverging"].sum()):
            print(f"A refit without {len(left_out)} of {self.density.n} rows has {divergences} divergent transitions.")
        return stats["unconstrained_draw"].to_numpy()

    def densities(self, draws: np.ndarray, left_out: np.ndarray, subsets: list[np.ndarray]) -> np.ndarray:
        """Log density of subsets of rows, each jointly, at draws of the posterior without some rows.

        Effects of levels without any other row are drawn from the population, several times for each draw.

        Parameters
        ----------
        draws : (chain, draw, d)
            From ``sample``.
        left_out
            Positions of the rows that were left out.
        subsets
            Positions of the rows of each subset.

        Returns
        -------
        (subsets, chain, draw, repeats), in nats
        """
        together = np.concatenate(subsets)
        starts = np.cumsum([0, *map(len, subsets)])[:-1]
        unseen = self.density.unseen(left_out)
        repeats = REPEATS if unseen.any() else 1
        rng = np.random.default_rng(self.seed)
        values = np.empty((len(subsets), *draws.shape[:2], repeats))
        for chain, draw in np.ndindex(*draws.shape[:2]):
            points = np.tile(draws[chain, draw], (repeats, 1))
            # The first repeat has the draw's own effects.
            points[1:, unseen] = rng.standard_normal((repeats - 1, unseen.sum()))
            values[:, chain, draw] = np.add.reduceat(self.density(points, together)[1], starts, axis=1).T
        return values


def mean_density(outside: np.ndarray) -> Estimate:
    """Log predictive density of what is not in the data, as the mean of its density over the posterior.

    Parameters
    ----------
    outside : (chain, draw, repeats)
        Its log density at draws of the posterior without it.

    Returns
    -------
    Estimate
        Its Pareto k is that of the densities: if they have a heavy tail, their mean cannot be trusted.
    """
    by_draw = log_sum_exp(outside) - np.log(outside.shape[-1])
    elpd = log_sum_exp(by_draw.ravel()) - np.log(by_draw.size)
    _, pareto_k = smooth_one(by_draw.ravel(), efficiency_of_one(by_draw))
    return Estimate(float(elpd), relative_error(by_draw), pareto_k)


def bridges(
    refits: Refits, left_out: np.ndarray, own: np.ndarray, outside: np.ndarray, inside: np.ndarray, start=0.0, end=1.0
) -> Estimate:
    """Log predictive density of some rows, by as many bridges as it takes.

    Where the posteriors without and with the rows have little in common, a fit with the density of these rows raised to
    a power stands between the two, so that each has a bridge to it; and so on.

    Parameters
    ----------
    refits
        Of the model.
    left_out
        Positions of all rows that are left out.
    own
        Those among them whose density it is.
    outside, inside
        See ``bridge``; at draws of the posteriors in which the density of ``own`` has the powers ``start`` and ``end``.
    start, end
        0 where it is left out and 1 where it is whole.

    Returns
    -------
    Estimate
        With the sum of the errors of all bridges, which share draws; an upper bound.
    """
    estimate = bridge((end - start) * outside, (end - start) * inside)
    if np.isfinite(estimate.pareto_k) or end - start <= 1 / MOST_BRIDGES:
        return estimate
    power, others = (start + end) / 2, np.setdiff1d(left_out, own)
    print(f"Without {len(own)} of {refits.density.n} rows the posterior is far away: a fit with their power {power:g}.")
    between = refits.densities(refits.sample(left_out, partly=own, power=power), others, [own])[0]
    lower = bridges(refits, left_out, own, outside, between[..., 0], start, power)
    upper = bridges(refits, left_out, own, between, inside, power, end)
    return Estimate(lower.elpd + upper.elpd, lower.mcse + upper.mcse, max(lower.pareto_k, upper.pareto_k))


def bridge(outside: np.ndarray, inside: np.ndarray) -> Estimate:
    """Log predictive density of what is not in the data, as the ratio of normalising constants with and without it.

    Where the data that are left out lie far in the tails, the mean of their density over the posterior without them
    depends on very rare draws, and so does the mean of its inverse over the posterior with them. Bridge sampling uses
    draws of both posteriors, weighted by a density between the two.

    Parameters
    ----------
    outside : (chain, draw, repeats)
        Its log density at draws of the posterior without it.
    inside : (chain, draw)
        Its log density at draws of the posterior with it.

    Returns
    -------
    Estimate
        With a Pareto k of 0, since no weight is above 1; infinite if the two posteriors have so little in common that
        the estimate and its error depend on a few draws.

    References
    ----------
    Bennett (1976), Journal of Computational Physics 22(2); Meng & Wong (1996), Statistica Sinica 6(4).
    """
    from scipy.optimize import brentq

    def log_shares(elpd: float) -> tuple[np.ndarray, np.ndarray]:
        by_draw = log_sum_exp(-np.logaddexp(0, elpd - outside)) - np.log(outside.shape[-1])
        return by_draw, -np.logaddexp(0, inside - elpd)

    def imbalance(elpd: float) -> float:
        without, within = log_shares(elpd)
        return float(np.exp(without).mean() - np.exp(within).mean())

    elpd = brentq(imbalance, min(outside.min(), inside.min()), max(outside.max(), inside.max()))
    shares = log_shares(elpd)
    in_common = np.exp(shares[0]).mean()
    return Estimate(
        elpd, float(np.hypot(*map(relative_error, shares))), 0.0 if in_common >= LEAST_IN_COMMON else np.inf
    )
