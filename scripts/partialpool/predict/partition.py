"""Partition of the variance by grouping factor: intraclass correlations.

References
----------
Nakagawa, Johnson & Schielzeth (2017), Journal of the Royal Society Interface 14(134); varying slopes: Goldstein, Browne
& Rasbash (2002), Understanding Statistics 1(4).
"""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd

from partialpool.data.notation import in_digits
from partialpool.predict.explained import by_grouping, variance_between
from partialpool.predict.linear import LinearPredictor
from partialpool.predict.moments import Measurements
from partialpool.predict.points import mean_of

# Variance of the distribution whose distribution function is the inverse of a link: of a latent variable that is cut
# into the outcome.
LATENT = {"logit": np.pi**2 / 3, "probit": 1.0, "cloglog": np.pi**2 / 6}
CUT = ("bernoulli", "binomial", "cumulative")
# A category before a bar with more levels is not shown level by level.
MOST_LEVELS = 8
AVERAGE = "average over the rows"


def shares(posterior, predictor: LinearPredictor, at: pd.DataFrame, residual: np.ndarray) -> dict[str, np.ndarray]:
    """Share of each grouping factor in the variance of the linear predictor and around it.

    Parameters
    ----------
    posterior, predictor
        Of a fit, and of its model.
    at
        Where: the columns that stand before bars, in one row; or several, over which variances are averaged.
    residual
        From ``residual_variance``.

    Returns
    -------
    dict
        Draws (chain, draw) by grouping factor.
    """
    between = {name: draws.mean(axis=-1) for name, draws in by_grouping(posterior, predictor, at).items()}
    total = sum(between.values()) + residual
    return {name: draws / total for name, draws in between.items()}


def scale(family: str, link: str) -> str:
    """Of what the shares are: of the variance of the outcome, or on the scale of the linear predictor."""
    return "outcome" if link == "identity" else f"latent ({link})" if family in CUT else f"linear predictor ({link})"


def residual_variance(
    posterior, predictor: LinearPredictor, rows: pd.DataFrame, measured: Measurements | None
) -> np.ndarray | None:
    """Variance around the linear predictor, on its scale, (chain, draw) or a number; None if it is not known.

    With the identity as link, it is that of the family. Of outcomes that a latent variable is cut into, it is that of
    the latent variable. With a log link it is log(1 + variance / mean^2), the one of a log-normal variable with the
    same mean and variance, at the mean of all rows with the effects integrated out.
    """
    link, family = posterior.attrs["link"], predictor.spec.family
    if family in CUT:
        return LATENT.get(link)
    if measured is None or link not in ("identity", "log"):
        return None
    if link == "identity":
        return measured.variance(np.zeros(1))[..., 0]
    between = variance_between(posterior, predictor, rows)
    mean = measured.of_new_units(predictor.common(posterior, rows), between)[0].mean(axis=-1, keepdims=True)
    return np.log1p(measured.variance(mean) / mean**2)[..., 0]


def places(
    predictor: LinearPredictor, rows: pd.DataFrame, asked: Mapping[str, Sequence]
) -> list[tuple[str, pd.DataFrame]]:
    """Where the shares are shown: each with its name.

    One place without a name if there are intercepts only. With varying slopes all rows, the variances averaged over
    them; the means of what varies; and the values of it that are asked for, the others at their means.

    Parameters
    ----------
    predictor, rows
        Of the model, and the rows that it was fitted to.
    asked
        Values by covariate.
    """
    group = predictor.matrices.group.terms.values() if predictor.matrices.group else ()
    columns = [name for name in rows.columns if any(name in term.expr.var_names for term in group)]
    if not columns:
        return [("", rows.iloc[[0]])]
    numbers = [name for name in columns if rows[name].dtype.kind in "biuf"]
    categories = {name: list(pd.Categorical(rows[name]).categories) for name in columns if name not in numbers}
    shown = [(AVERAGE, rows)]
    if any(len(levels) > MOST_LEVELS for levels in categories.values()):
        return shown
    means = {name: mean_of(rows[name]) for name in numbers}
    points = [means] + [
        means | {name: float(value)} for name in numbers for value in asked.get(name, ()) if value != means[name]
    ]
    for point, levels in product(points, product(*categories.values())):
        values = point | dict(zip(categories, levels, strict=True))
        words = ", ".join(f"{name} = {_shown(values[name], means.get(name))}" for name in columns)
        shown.append((words, _row(rows, values)))
    return shown


def _shown(value, mean: float | None) -> str:
    return value if isinstance(value, str) else f"{in_digits(value, 4)}{' (mean)' if value == mean else ''}"


def _row(rows: pd.DataFrame, values: dict) -> pd.DataFrame:
    """One row with these values; categories keep their levels."""
    row = rows.iloc[[0]].copy()
    for name, value in values.items():
        is_category = isinstance(rows[name].dtype, pd.CategoricalDtype)
        row[name] = pd.Categorical([value], dtype=rows[name].dtype) if is_category else value
    return row
