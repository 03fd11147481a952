"""The distribution of group-level effects in a posterior: the only module that makes their covariance.

``population(posterior, terms)`` has standard deviations, correlations and a Cholesky factor of the covariance of a
unit's effects for every draw. ``correlation_matrices`` and ``cholesky_of_correlations`` are its parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise

import numpy as np

from partialpool.model.names import Term, correlation_names, draws_of, effect_terms, pair_dim, pair_label


@dataclass(frozen=True)
class Population:
    """The multivariate normal distribution of a unit's q effects, for each draw of a posterior.

    Attributes
    ----------
    terms
        All of one grouping factor.
    columns
        Of each term, where its effects are among the q.
    sd : (chain, draw, q)
    correlation : (chain, draw, q, q)
        Those of effects that stand behind different bars are zero.
    """

    terms: tuple[Term, ...]
    columns: tuple[slice, ...]
    sd: np.ndarray
    correlation: np.ndarray

    @cached_property
    def cholesky(self) -> np.ndarray:
        """Cholesky factor of the covariance, (chain, draw, q, q), also where a correlation is +-1."""
        return cholesky_of_correlations(self.correlation)[0] * self.sd[..., None]


def population(posterior, terms: Sequence[Term]) -> Population:
    """The population of some terms.

    Parameters
    ----------
    posterior
        Dataset (chain, draw, ...) of a fit by any engine, with the standard deviations and correlations of the terms.
    terms
        Terms of one grouping factor, in the order that is wanted: those of a model's bars, or
        ``names.effect_terms(posterior, grouping)``.
    """
    sds = [draws_of(posterior, term.sd_name) for term in terms]
    ends = np.cumsum([0, *(sd.shape[-1] for sd in sds)])
    columns = tuple(slice(int(start), int(end)) for start, end in pairwise(ends))
    sd = np.concatenate(sds, axis=-1)
    coefficients = [name for term in terms for name in term.coefficients]
    labels = {pair_label(a, b): (i, j) for i, a in enumerate(coefficients) for j, b in enumerate(coefficients)}
    correlation = np.tile(np.eye(sd.shape[-1]), (*sd.shape[:2], 1, 1))
    for name in correlation_names(posterior, terms[0].grouping):
        values = np.moveaxis(draws_of(posterior, name), -1, 0)
        for label, value in zip(posterior[pair_dim(name)].to_numpy(), values, strict=True):
            if label in labels:
                i, j = labels[label]
                correlation[..., i, j] = correlation[..., j, i] = value
    return Population(tuple(terms), columns, sd, correlation)


def population_of(posterior, grouping: str) -> Population:
    """The population of all effects of a grouping factor."""
    return population(posterior, effect_terms(posterior, grouping))


def correlation_matrices(pairs: np.ndarray, q: int) -> np.ndarray:
    """Correlation matrices (..., q, q) from the correlations (..., pairs) of (0, 1), (0, 2), ..., (1, 2), ..."""
    matrices = np.tile(np.eye(q), (*pairs.shape[:-1], 1, 1))
    for place, (i, j) in enumerate(combinations(range(q), 2)):
        matrices[..., i, j] = matrices[..., j, i] = pairs[..., place]
    return matrices


def cholesky_of_correlations(correlation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cholesky factors of correlation matrices, and partial correlations.

    Row by row, and not by LAPACK, which fails where a correlation has been rounded to one.

    Parameters
    ----------
    correlation
        Shape (..., q, q).

    Returns
    -------
    cholesky : (..., q, q)
        Lower triangular.
    partial : (..., q, q)
        Below the diagonal the correlation of effects j and k given effects 0 to k - 1; zero elsewhere, and where those
        determine one of the two.
    """
    cholesky, partial = np.zeros_like(correlation), np.zeros_like(correlation)
    for j in range(correlation.shape[-1]):
        # What the effects before k leave of the variance of effect j.
        left = np.ones(correlation.shape[:-2])
        for k in range(j):
            known = (cholesky[..., j, :k] * cholesky[..., k, :k]).sum(axis=-1)
            diagonal = cholesky[..., k, k]
            entry = np.divide(correlation[..., j, k] - known, diagonal, out=np.zeros_like(left), where=diagonal > 0)
            cholesky[..., j, k] = np.clip(entry, -np.sqrt(left), np.sqrt(left))
            np.divide(cholesky[..., j, k], np.sqrt(left), out=partial[..., j, k], where=left > 0)
            left = np.maximum(left - cholesky[..., j, k] ** 2, 0)
        cholesky[..., j, j] = np.sqrt(left)
    return cholesky, partial
