"""How much the data say about the effects of each level, as an analysis of variance tells it without a fit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from partialpool.model.centring import FLAT, Levels, common_columns
from partialpool.model.families import OF_LEVELS, OF_TRIALS
from partialpool.model.names import Block, Term

# ASSUME: at 1 neither way of sampling is better, and where the lower limit is over 2 / 3, the ratio is over 1 itself.
# All effects must be known so well: the long steps that suit those that are would go past those that are not, and in
# front of a standard deviation that may be zero stands a funnel.
LEAST_INFORMATION, CONFIDENCE = 2 / 3, 0.95
# Rounds of least squares, of one grouping factor after the other.
ROUNDS = 5


def well_informed(model, blocks: Sequence[Block]) -> list[Block]:
    """The bars of a model, if the data say much about all effects of each level; else none.

    Parameters
    ----------
    model : bambi.Model
        Of the spec.
    blocks
        Its bars.

    Returns
    -------
    list of Block
        In the order in which they are to be sampled (``centring.LevelMeans``): of two crossed factors a and b the
        levels of the first still move together by about sd_b / sqrt(levels of b). By how much more than by themselves,
        follows from a's number of levels and from sd_b, so that the first is that with fewer levels and the larger sd.
        What is nested comes behind what it is nested in.
    """
    # ASSUME: of a category with several effects the non-centred ones are sampled.
    if not blocks or any(len(term.coefficients) > 1 for block in blocks for term in block.terms):
        return []
    known = information(model, blocks)
    if not known or min(known.values()) < LEAST_INFORMATION:
        return []
    parent = model.parameters[model.family.likelihood.parent]
    levels = [Levels.of(parent, block) for block in blocks]
    # Levels times (1 + residual variance / sd squared).
    places = [
        each.n_levels + len(each.level) / known[block.terms[0].name] for each, block in zip(levels, blocks, strict=True)
    ]
    for i in sorted(range(len(blocks)), key=lambda i: levels[i].n_levels):
        coarser = [places[k] for k, other in enumerate(levels) if levels[i].is_within(other)]
        places[i] = max([places[i], *(place + 1 for place in coarser)])
    return [blocks[i] for i in sorted(range(len(blocks)), key=places.__getitem__)]


def information(model, blocks: Sequence[Block]) -> dict[str, float]:
    """By term, what the data say about the effects of a level over what their distribution says: a lower limit.

    Both are information, one over a variance. The effects of each grouping factor are fitted by least squares to what
    the common terms and the other factors leave, those with the fewest levels first. The mean square of a term, given
    the other terms of its bar, is about that of the residuals times 1 plus this ratio; where another factor is nested
    in it, that of the same term of the latter takes the place of the residuals'. The limit is that of the F
    distribution. The ratio does not depend on the scale of the outcome, so that it holds near the mean of the outcome
    behind a link function, too.

    Parameters
    ----------
    model : bambi.Model
        Of the spec.
    blocks
        Its bars.

    Returns
    -------
    dict
        By name of the term; empty if the outcome is not one number a row, or there are no residuals.
    """
    parent = model.parameters[model.family.likelihood.parent]
    outcome, weights, known_error = _outcome(model, parent)
    if outcome is None:
        return {}
    root = np.sqrt(weights)
    bars = [(Levels.of(parent, block), block) for block in blocks]
    bars = [(replace(of_bar, z=of_bar.z * root[:, None]), block) for of_bar, block in bars]
    bars.sort(key=lambda bar: bar[0].n_levels)
    levels = [of_bar for of_bar, _ in bars]
    outcome, common = outcome * root, common_columns(parent, len(outcome)) * root[:, None]
    residuals, fits = _one_after_another(outcome - common @ np.linalg.lstsq(common, outcome)[0], levels)
    freedom = len(outcome) - common.shape[1] - sum(_freedom(levels))
    # Of an outcome that follows from its level rounding errors are left.
    if freedom <= 0 or residuals @ residuals <= FLAT**2 * (outcome @ outcome):
        return {}
    error = residuals @ residuals / freedom
    known = error if known_error is None else known_error
    ratios = _lower_limits(bars, [residuals + fit for fit in fits], error, freedom)
    return {name: ratio * error / known for name, ratio in ratios.items()}


def _lower_limits(
    bars: list[tuple[Levels, Block]], partial: list[np.ndarray], error: float, freedom: int
) -> dict[str, float]:
    """By term, how much larger its mean square is than that of what is nested in it, or of the residuals, less 1.

    Parameters
    ----------
    bars
        Those with the fewest levels first.
    partial
        For each bar what all others leave of the outcome, (n,).
    error, freedom
        Mean square of the residuals and their degrees of freedom.
    """
    from scipy.special import fdtri

    mean_squares: dict[str, tuple[float, int]] = {}
    limits = {}
    # The finer ones first, against which those in which they are nested are held.
    for place in reversed(range(len(bars))):
        own, block = bars[place]
        coarser = [bar for bar in bars[:place] if own.is_within(bar[0])]
        finer = [other for of_bar, other in bars[place + 1 :] if of_bar.is_within(own)]
        for j, term in enumerate(block.terms):
            taken = [_gained(of_bar, _same(term, other)) for of_bar, other in coarser]
            own_freedom = _gained(own, [j]) - max([1, *taken])
            if own_freedom < 1:
                limits[term.name] = 0.0
                continue
            mean_squares[term.name] = _sum_of_squares(own, j, partial[place]) / own_freedom, own_freedom
            names = [other.terms[k].name for other in finer for k in _same(term, other)]
            within = [mean_squares[name] for name in names if name in mean_squares]
            against, its_freedom = max([(error, freedom), *within])
            f = mean_squares[term.name][0] / against
            limits[term.name] = f / fdtri(own_freedom, its_freedom, CONFIDENCE) - 1
    return limits


def _same(term: Term, block: Block) -> list[int]:
    """Where a bar has the same covariate as a term: nowhere, or at one place."""
    return [k for k, other in enumerate(block.terms) if other.expression == term.expression]


def _gained(levels: Levels, places: list[int]) -> int:
    """Degrees of freedom of the effects at some places, given the others of their bar."""
    return levels.rank() - replace(levels, z=np.delete(levels.z, places, axis=1)).rank()


def _sum_of_squares(levels: Levels, j: int, partial: np.ndarray) -> float:
    """That of the j-th effect given the others of its bar, of what all other bars leave (n,)."""
    others = replace(levels, z=np.delete(levels.z, j, axis=1))
    return _square(levels, partial) - _square(others, partial)


def _outcome(model, parent) -> tuple[np.ndarray | None, np.ndarray, float | None]:
    """The outcome near the scale of the linear predictor.

    Returns
    -------
    outcome : (n,)
        One number a row, without offsets: successes by trial; with a log link logarithms, of counts plus a half. None
        if it is not one number a row.
    weights : (n,)
        Trials or exposures.
    error
        Variance of a row of weight 1, where the family knows it; None where it is estimated.
    """
    outcome = np.asarray(model.response_term.data, dtype=float)
    weights, error = np.ones(len(outcome)), None
    if model.family.name in OF_TRIALS:
        outcome, weights = outcome[:, 0] / outcome[:, 1], outcome[:, 1]
    if outcome.ndim > 1 or model.family.name in OF_LEVELS:
        return None, weights, error
    link = model.family.link[model.family.likelihood.parent].name
    offset = sum((np.reshape(term.data, -1) for term in parent.offset_terms.values()), np.zeros(len(outcome)))
    if link == "log":
        weights = np.exp(offset - offset.mean())
        error = 1 / outcome.mean() if model.family.name == "poisson" and outcome.any() else None
        outcome = np.log(np.maximum(outcome, 0) + (0.5 if (outcome <= 0).any() else 0))
    elif model.family.name in ("bernoulli", "binomial"):
        mean = outcome @ weights / weights.sum()
        error = mean * (1 - mean)
    return outcome - offset if link in ("log", "identity") else outcome, weights, error


def _one_after_another(left: np.ndarray, levels: list[Levels]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Residuals of what is left of the outcome (n,), and the fit of each grouping factor to what the others leave."""
    weights, fits = [of_bar.weights() for of_bar in levels], [np.zeros_like(left) for _ in levels]
    residuals = left
    for _ in range(ROUNDS):
        for place, of_bar in enumerate(levels):
            partial = residuals + fits[place]
            coefficients = of_bar.sums(weights[place] * partial[:, None])
            fits[place] = (coefficients[of_bar.level] * of_bar.z).sum(axis=1)
            residuals = partial - fits[place]
    return residuals, fits


def _freedom(levels: list[Levels]) -> list[int]:
    """Degrees of freedom of each grouping factor beside the common terms and the factors in which it is nested."""
    return [
        own.rank() - max([own.z.shape[1], *(other.rank() for other in levels[:place] if own.is_within(other))])
        for place, own in enumerate(levels)
    ]


def _square(levels: Levels, partial: np.ndarray) -> float:
    """Sum of squares of the least-squares fit of the effects of each level."""
    return float((levels.sums(levels.weights() * partial[:, None])[levels.level] * levels.z).sum(axis=1) @ partial)
