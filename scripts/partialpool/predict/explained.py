"""Bayesian R2: the share of the variance of measurements that is variance of what a model expects of them."""

import numpy as np
import pandas as pd

from partialpool.model.names import effect_terms
from partialpool.model.population import population_of
from partialpool.predict.linear import LinearPredictor
from partialpool.predict.moments import Measurements


def conditional(posterior, predictor: LinearPredictor, rows: pd.DataFrame, measured: Measurements) -> np.ndarray:
    """R2 of the units observed: what the model expects of each measurement has the effects of its unit in it.

    Parameters
    ----------
    posterior
        Dataset of a fit, with draws of all effects.
    predictor, rows
        Of its model, and the rows that it was fitted to.
    measured
        From ``moments.measurements``, for this posterior.

    Returns
    -------
    ndarray, (chain, draw)
        var(fit) / (var(fit) + mean of the modelled variances), both over rows.

    References
    ----------
    Gelman, Goodrich, Gabry & Vehtari (2019), The American Statistician 73(3).
    """
    means = measured.mean(predictor(posterior, rows))
    return _share(means, measured.variance(means))


def marginal(posterior, predictor: LinearPredictor, rows: pd.DataFrame, measured: Measurements) -> np.ndarray:
    """R2 of new units, whose effects are integrated out; see ``conditional``.

    Their effects are unknown, and so their variance counts among the modelled ones: for a model with the identity as
    link this is the marginal R2 of Nakagawa & Schielzeth (2013) and, with varying slopes, of Johnson (2014), both of
    them in Methods in Ecology and Evolution, for each draw.
    """
    between = variance_between(posterior, predictor, rows)
    return _share(*measured.of_new_units(predictor.common(posterior, rows), between))


def variance_between(posterior, predictor: LinearPredictor, at: pd.DataFrame) -> np.ndarray:
    """Variance of the linear predictor between levels of all grouping factors, (chain, draw, rows of ``at``)."""
    return sum(by_grouping(posterior, predictor, at).values())


def by_grouping(posterior, predictor: LinearPredictor, at: pd.DataFrame) -> dict[str, np.ndarray]:
    """Variance of the linear predictor between levels of each grouping factor, (chain, draw, rows of ``at``)."""
    columns, variances = predictor.effects_design(at), {}
    for grouping in dict.fromkeys(term.grouping for term in effect_terms(posterior)):
        of_levels = population_of(posterior, grouping)
        design = np.column_stack([columns[term.name] for term in of_levels.terms])
        covariance = of_levels.correlation * of_levels.sd[..., None] * of_levels.sd[..., None, :]
        products = (design[:, :, None] * design[:, None, :]).reshape(len(at), -1)
        variances[grouping] = covariance.reshape(*covariance.shape[:2], -1) @ products.T
    return variances


def _share(means: np.ndarray, variances: np.ndarray) -> np.ndarray:
    # Differences, so that means which are all the same have no variance at all.
    explained, modelled = (means - means[..., :1]).var(axis=-1, ddof=1), variances.mean(axis=-1)
    return explained / (explained + modelled)
