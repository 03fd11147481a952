"""New units: effects drawn from the population of the same posterior draw."""

import re
from itertools import permutations

import numpy as np

from partialpool.errors import StudyError


def with_new_units(posterior, unit: str, rng: np.random.Generator):
    """A posterior in which every unit's effects are drawn anew from the population distribution of the same draw.

    Parameters
    ----------
    posterior
        Dataset (chain, draw, ...) with terms ``expr|unit``, their ``_sigma`` and, if correlated, ``cor_unit``.
    unit
        The grouping factor.
    rng
        Source of randomness.

    Returns
    -------
    Dataset
        The same variables; those of the unit replaced.

    Raises
    ------
    StudyError
        If the model has no population distribution of units, or one that is not a plain multivariate normal.
    """
    units_dim = f"{unit}__factor_dim"
    terms = [name for name in posterior.data_vars if name.endswith(f"|{unit}")]
    if not terms:
        raise StudyError(
            f"This model has no population distribution of {unit} from which new units could be drawn: its formula "
            f"needs a term such as (1 | {unit})."
        )
    for name in posterior.data_vars:
        expr, _, factor = name.removesuffix("_sigma").partition("|")
        if re.search(rf"(?<!\w){re.escape(unit)}(?!\w)", expr):
            raise StudyError(
                f"New units cannot be drawn for '{name}', which belongs to each {unit} observed "
                "and has no population distribution."
            )
        if factor != unit and unit in factor.split(":"):
            raise StudyError(f"New units cannot be drawn for '{name}', which crosses {unit} with another factor.")
    sds, coefficients, slices = [], [], []
    for name in terms:
        expr, dims = (
            name.partition("|")[0],
            [d for d in posterior[name].dims if d not in ("chain", "draw", units_dim)],
        )
        if any(not dim.endswith("__expr_dim") for dim in dims):
            raise StudyError(f"New units cannot be drawn for '{name}', which has one effect a level of the outcome.")
        levels = [f"[{level}]" for level in posterior[dims[0]].values] if dims else [""]
        slices.append(slice(len(coefficients), len(coefficients) + len(levels)))
        coefficients += [("Intercept" if expr == "1" else expr) + level for level in levels]
        sd = posterior[f"{name}_sigma"].transpose("chain", "draw", ...).to_numpy()
        sds.append(sd.reshape(*sd.shape[:2], -1))
    chains, draws = sds[0].shape[:2]
    correlation = np.tile(np.eye(len(coefficients)), (chains, draws, 1, 1))
    for name in posterior.data_vars:
        if name.rstrip("_") == f"cor_{unit}".rstrip("_"):
            values = posterior[name].transpose("chain", "draw", ...).to_numpy()
            for k, pair in enumerate(posterior[f"{name}_dim"].values):
                (i, j) = next(
                    (i, j)
                    for i, j in permutations(range(len(coefficients)), 2)
                    if f"{coefficients[i]},{coefficients[j]}" == pair
                )
                correlation[..., i, j] = correlation[..., j, i] = values[..., k]
    z = rng.standard_normal((chains, draws, posterior.sizes[units_dim], len(coefficients)))
    fresh = np.einsum("...ij,...pj->...pi", _square_root(correlation), z) * np.concatenate(sds, axis=-1)[:, :, None]
    result = posterior.copy()
    for name, columns in zip(terms, slices, strict=True):
        dims = [
            "chain",
            "draw",
            units_dim,
            *(d for d in posterior[name].dims if d.endswith("__expr_dim")),
        ]
        values = fresh[..., columns] if len(dims) == 4 else fresh[..., columns.start]
        result[name] = posterior[name].transpose(*dims).copy(data=values).transpose(*posterior[name].dims)
    return result


def _square_root(matrices: np.ndarray) -> np.ndarray:
    """Square roots A with A A' = R; unlike Cholesky's they exist when a correlation has rounded to one."""
    values, vectors = np.linalg.eigh(matrices)
    return vectors * np.sqrt(np.clip(values, 0, None))[..., None, :]
