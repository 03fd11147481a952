"""How far estimates move if the priors, or the data, counted a little more or less."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from partialpool.checks.fitted import Fitted
from partialpool.fit.by_row import draws_by_row
from partialpool.model.parameters import Parameter
from partialpool.weights.smoothing import smooth_one

# Powers of what counts less, and of what counts more.
POWERS = (0.8, 1.25)
# Powers between which ArviZ takes the slope that it calls sensitivity.
SLOPE = (0.99, 1.01)
# Draws of each chain, at most, that are weighted.
DRAWS = 1000
COMPONENTS = ("prior", "likelihood")
COLUMNS = [
    *("parameter", "component", "shift_weaker", "shift_stronger", "mcse_shift"),
    *("psense", "method", "pareto_k"),
]


def sensitivity(fitted: Fitted) -> pd.DataFrame:
    """Power-scaling sensitivity of common coefficients, scales and parameters of the family.

    Returns
    -------
    DataFrame
        ``COLUMNS``, two rows a parameter. ``component`` is what is raised to a power: ``prior``, of all of these
        parameters at once, or ``likelihood``. The shifts are those of the posterior mean in posterior standard
        deviations at the two ``POWERS``, ``mcse_shift`` the larger of their Monte Carlo errors. ``psense`` is ArviZ's:
        the slope of a distance between distributions. ``method`` is ``independent draws`` of the powered posterior, or
        ``importance weights`` of the draws of the fit, with their largest Pareto k.

    References
    ----------
    Kallioinen, Paananen, Bürkner & Vehtari (2024), Statistics and Computing 34, 57.
    """
    by_row = draws_by_row(fitted.tree, "log_likelihood")
    few = np.linspace(0, by_row.shape[1] - 1, min(DRAWS, by_row.shape[1])).round().astype(int)
    posterior = fitted.at_rows.isel(draw=few)
    logs = {
        "prior": replace(fitted.priors, posterior=posterior).log_density(),
        "likelihood": by_row[:, few].sum(axis=-1),
    }
    rows, by_draws = [], _by_draws(fitted)
    for component in COMPONENTS:
        shift, how = by_draws.get(component) or _by_weights(posterior, logs[component])
        slope = _slopes(posterior, logs[component])
        rows += [(one.name, component, *shift(one), slope(one), *how) for one in fitted.parameters]
    return pd.DataFrame(rows, columns=COLUMNS)


def _by_draws(fitted: Fitted) -> dict[str, tuple[Callable, tuple]]:
    """By component, shifts by draws of the powered posteriors; empty where there are none that can be trusted."""
    from arviz_stats.base import array_stats

    if fitted.matrices is None:
        return {}
    powered = {component: [fitted.drawn_again(**{component: power}) for power in POWERS] for component in COMPONENTS}
    if any(draws is None for draws in (fitted.base, *powered["prior"], *powered["likelihood"])):
        return {}

    def shift(parameter: Parameter, component: str) -> tuple[float, float, float]:
        at_one = parameter.draws(fitted.base)
        away = [parameter.draws(draws) - at_one for draws in powered[component]]
        errors = [float(array_stats.mcse(own, chain_axis=0, draw_axis=1)) for own in away]
        return *(np.array([own.mean() for own in away]) / at_one.std(ddof=1)), max(errors) / at_one.std(ddof=1)

    return {component: (partial(shift, component=component), ("independent draws", np.nan)) for component in COMPONENTS}


def _by_weights(posterior, log_density: np.ndarray) -> tuple[Callable, tuple]:
    """Shifts by Pareto-smoothed weights of the draws."""
    from arviz_stats.base import array_stats

    logs = [array_stats.power_scale_lw(log_density, power, axis=(0, 1)).ravel() for power in POWERS]
    weights = [np.exp(own - own.max()) / np.exp(own - own.max()).sum() for own in logs]
    largest = max(smooth_one((power - 1) * log_density.ravel(), 1.0)[1] for power in POWERS)

    def shift(parameter: Parameter) -> tuple[float, float, float]:
        draws = parameter.draws(posterior).ravel()
        away = (draws - draws.mean()) / draws.std(ddof=1)
        weaker, stronger = (own @ away for own in weights)
        errors = [np.sqrt(((own - 1 / len(own)) ** 2) @ (away**2)) for own in weights]
        return weaker, stronger, max(errors)

    return shift, ("importance weights", largest)


def _slopes(posterior, log_density: np.ndarray) -> Callable[[Parameter], float]:
    """ArviZ's sensitivity of a parameter."""
    from arviz_stats.base import array_stats

    weights = [np.exp(array_stats.power_scale_lw(log_density, power, axis=(0, 1))) for power in SLOPE]

    def slope(parameter: Parameter) -> float:
        draws = parameter.draws(posterior)
        return float(array_stats.power_scale_sense(draws, *weights, *SLOPE, chain_axis=0, draw_axis=1))

    return slope
