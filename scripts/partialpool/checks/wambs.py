"""Refits that the WAMBS checklist asks for: twice the draws, and other priors.

References
----------
Depaoli & van de Schoot (2017), Psychological Methods 22(2), 240-261, points 3, 7, 8 and 9.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from partialpool.checks.fitted import Fitted
from partialpool.checks.powered import Powered
from partialpool.model.priors import Distribution, parse
from partialpool.sampling.priors import quantiles

COLUMNS = ["point", "change", "parameter", "estimate", "refit", "deviation_percent", "deviation_sd", "mcse_sd"]
# ASSUME: priors that are a thousand times as wide are nearly flat where the likelihood is.
FLAT = 1000.0
# The third quartile of a standard normal distribution, which is the median of a half normal one.
MEDIAN = 0.6744897501960817


def wambs(fitted: Fitted) -> pd.DataFrame:
    """How far estimates are from those of refits.

    Returns
    -------
    DataFrame
        ``COLUMNS``: the ``point`` of the checklist (3, 7, 8, 9) and what was changed; then of common coefficients and
        scales the posterior means of the study and of the refit, their relative deviation in percent of the refit, in
        posterior standard deviations, and the Monte Carlo error of the latter. A refit whose draws cannot be trusted
        is left out. No rows of a model that was sampled over all parameters, since each refit would take as long as
        the fit.
    """
    if fitted.matrices is None:
        return pd.DataFrame(columns=COLUMNS)
    rows = []
    if (again := _twice(fitted)) is not None:
        rows += _deviations(fitted, 3, "twice the draws", fitted.posterior, again, paired=False)
    for point, change, priors in _other_priors(fitted.spec.priors):
        refit = None if fitted.base is None else fitted.drawn_again(priors=priors)
        if refit is not None:
            rows += _deviations(fitted, point, change, fitted.base, refit, paired=True)
    return pd.DataFrame(rows, columns=COLUMNS)


def _other_priors(priors: Mapping[str, Distribution]) -> Iterator[tuple[int, str, dict[str, Distribution]]]:
    """Of each refit the point of the checklist, what is changed, and the priors."""
    yield 7, "other priors of the scales", {name: _other(name, prior) for name, prior in priors.items()}
    for point, change, by in ((8, "nearly flat priors", FLAT), (9, "halved scales", 0.5), (9, "doubled scales", 2.0)):
        yield point, change, {name: prior.scaled(by) for name, prior in priors.items()}


def _other(name: str, prior: Distribution) -> Distribution:
    """Another distribution for a scale, with the same median; of a coefficient its own."""
    kind = name.partition("[")[0]
    if kind == "cor":
        return parse("LKJ(1)" if dict(prior.args)["eta"] == 2 else "LKJ(2)")
    if kind not in ("sd", "sigma"):
        return prior
    n = max(len(value) if isinstance(value, tuple) else 1 for _, value in prior.args)
    medians = [float(quantiles(one, np.array([0.5]))[0]) for one in prior.each(n)]
    is_cauchy = prior.name == "HalfCauchy"
    sizes = ", ".join(repr(median / MEDIAN if is_cauchy else median) for median in medians)
    return parse(f"{'HalfNormal' if is_cauchy else 'HalfCauchy'}({f'[{sizes}]' if n > 1 else sizes})")


def _twice(fitted: Fitted):
    """Twice as many draws as the fit has, with another seed; None if they cannot be trusted."""
    posterior, seed = Powered(fitted.matrices, cores=fitted.cores), fitted.spec.seed + 1
    settings = {"chains": fitted.spec.chains, "draws": 2 * fitted.spec.draws, "seed": seed}
    draws, trusted = posterior.estimates(**settings, proposal=posterior.proposal(seed))
    return draws if trusted else None


def _deviations(fitted: Fitted, point: int, change: str, base, refit, *, paired: bool) -> Iterator[tuple]:
    """A row of ``COLUMNS`` for each parameter; ``paired`` is whether draws of both have the same random numbers."""
    from arviz_stats.base import array_stats

    for parameter in fitted.parameters:
        ours, theirs = parameter.draws(base), parameter.draws(refit)
        compared = [ours - theirs] if paired else [ours, theirs]
        mcse = np.hypot.reduce([float(array_stats.mcse(own, chain_axis=0, draw_axis=1)) for own in compared])
        estimate, other, sd = ours.mean(), theirs.mean(), ours.std(ddof=1)
        percent = 100 * (estimate - other) / abs(other) if other else np.nan
        yield point, change, parameter.name, estimate, other, percent, (estimate - other) / sd, mcse / sd
