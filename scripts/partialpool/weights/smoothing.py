"""Pareto smoothing of importance weights, many sets of weights at a time.

The results are those of arviz_stats (``array_stats.ess`` and ``array_stats.psislw``), bit for bit; a test says so. They
are computed here because arviz_stats works through one set at a time, and because its import takes longer than all the
smoothing in a comparison.
"""

from itertools import count

import numpy as np

# Fewer weights than this are no tail.
SHORTEST_TAIL = 5
# Float64 elements that are worked on at a time: few enough to stay in a processor's cache.
CHUNK = 10**5


def log_sum_exp(log_values: np.ndarray) -> np.ndarray:
    """Log of the sum of exponentials along the last axis."""
    largest = log_values.max(axis=-1, keepdims=True)
    values = np.exp(log_values - largest)
    # The largest values are counted apart from the rest: beside one that is much larger, log1p keeps their digits.
    is_largest = log_values == largest
    values[is_largest] = 0.0
    count = is_largest.sum(axis=-1)
    return np.log1p(values.sum(axis=-1) / count) + np.log(count) + largest[..., 0]


def relative_efficiency(log_values: np.ndarray) -> np.ndarray:
    """Effective draws of each draw, for the means of exp(log_values).

    Parameters
    ----------
    log_values : (n, chain, draw)
        Logarithms of the values, up to a constant for each mean.

    Returns
    -------
    (n,)
        1 where it cannot be estimated: of fewer than four draws, or of values that are all the same.

    References
    ----------
    Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), Bayesian Analysis 16(2), split chains; Geyer (1992),
    Statistical Science 7(4), initial monotone sequence.
    """
    values = np.exp(log_values - log_values.max(axis=(1, 2), keepdims=True))
    n, _, draws = values.shape
    if draws < 4:
        return np.ones(n)
    half = draws // 2
    values = np.concatenate([values[..., :half], values[..., -half:]], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlations, lengths = _autocorrelations(values)
    chains = values.shape[1]
    # The sum of the last, which may be a single one, counts once; all others twice, forward and backward in time.
    sums = _sums_where(np.arange(half) < lengths[:, None], correlations)[:, 0]
    last = np.take_along_axis(correlations, lengths[:, None], axis=1)[:, 0]
    time = np.maximum(-1 + 2 * sums + last, 1 / np.log10(chains * half))
    unknown = np.isnan(correlations).any(axis=1) | (np.ptp(values, axis=(1, 2)) < np.finfo(float).resolution)
    return np.where(unknown, 1.0, 1 / time)


def _autocorrelations(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Autocorrelations by lag, positive and falling in pairs as Geyer has it, and how many of them count twice.

    ``values`` (n, chains, draws) gives (n, draws) and (n,).
    """
    n, chains, draws = values.shape
    covariances = _autocovariances(values)

    def mean(lag: int) -> np.ndarray:
        return np.ascontiguousarray(covariances[..., lag]).mean(axis=1)

    within = mean(0) * draws / (draws - 1.0)
    total = within * (draws - 1.0) / draws
    if chains > 1:
        total += values.mean(axis=2).var(axis=1, ddof=1)
    correlations = np.zeros((n, draws))
    even, odd = np.ones(n), 1.0 - (within - mean(1)) / total
    correlations[:, 0], correlations[:, 1] = even, odd
    ends, lag, alive = np.full(n, -1), 1, even + odd > 0
    while lag < draws - 3 and alive.any():
        even = np.where(alive, 1.0 - (within - mean(lag + 1)) / total, even)
        odd = np.where(alive, 1.0 - (within - mean(lag + 2)) / total, odd)
        counts = alive & (even + odd >= 0)
        correlations[counts, lag + 1], correlations[counts, lag + 2] = even[counts], odd[counts]
        ends[alive] = lag
        alive, lag = alive & (even + odd > 0), lag + 2
    positive = even > 0
    correlations[positive, ends[positive] + 1] = even[positive]
    for lag in range(1, ends.max() - 1, 2):
        pair = correlations[:, lag - 1] + correlations[:, lag]
        rises = (lag <= ends - 2) & (correlations[:, lag + 1] + correlations[:, lag + 2] > pair)
        correlations[rises, lag + 1] = correlations[rises, lag + 2] = pair[rises] / 2.0
    return correlations, ends + 1


def _autocovariances(values: np.ndarray) -> np.ndarray:
    """Autocovariances (..., lag) of values (..., draw), by the fast Fourier transform."""
    draws = values.shape[-1]
    # It is fast for lengths without prime factors over 5: they divide a power of 30. To ask scipy.fft takes 0.15 s.
    length = next(n for n in count(2 * draws) if 30 ** n.bit_length() % n == 0)
    spectrum = np.fft.rfft(values - values.mean(axis=-1, keepdims=True), n=length)
    spectrum *= np.conjugate(spectrum)
    return np.fft.irfft(spectrum, n=length)[..., :draws] / draws


def smooth(log_ratios: np.ndarray, efficiency: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pareto-smoothed importance weights: the largest are replaced by quantiles of a Pareto distribution.

    Parameters
    ----------
    log_ratios : (n, m)
        Log of target over proposal at m draws, up to a constant, for each of n targets.
    efficiency : (n,)
        Effective draws of each draw.

    Returns
    -------
    log_weights : (n, m)
        Each set of weights sums to one.
    pareto_k : (n,)
        Shape of the tail. Infinite where it cannot be estimated, as in the R package loo: the largest weights are
        equal, or fewer than five, and the weights stand as they are.

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), JMLR 25(72); Zhang & Stephens (2009), Technometrics 51(3).
    """
    n, m = log_ratios.shape
    log_weights = log_ratios - log_ratios.max(axis=1, keepdims=True)
    pareto_k = np.full(n, np.inf)
    lengths = np.floor(np.where(m * efficiency > 225, 3 * np.sqrt(m / efficiency), m / 5)).astype(int)
    order = np.argsort(log_weights, axis=1)
    for points in np.unique(_points(lengths[lengths >= SHORTEST_TAIL])):
        alike = np.flatnonzero((lengths >= SHORTEST_TAIL) & (_points(lengths) == points))
        for rows in np.array_split(alike, -(-len(alike) * points * lengths[alike].max() // CHUNK)):
            largest = rows[:, None], order[rows, -lengths[rows].max() - 1 :]
            log_weights[largest], pareto_k[rows] = _smooth_tails(log_weights[largest], lengths[rows])
    # Rounding in the first pass is of the size of the logs, which can be large; the second leaves a sum of one.
    for _ in range(2):
        log_weights -= log_sum_exp(log_weights)[:, None]
    return log_weights, pareto_k


# Tails that cannot be fitted are computed with the others, without warnings, and stand as they are in the end.
@np.errstate(all="ignore")
def _smooth_tails(log_weights: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest log weights (n, m), in rising order, with the last ``lengths`` (n,) smoothed, and their Pareto k.

    The value before them is the cutoff.
    """
    m = log_weights.shape[1]
    ranks = np.arange(m) - (m - lengths[:, None])
    cutoffs = np.exp(np.take_along_axis(log_weights, m - lengths[:, None] - 1, axis=1))
    k, sigma = _fit_tails(np.maximum(np.exp(log_weights) - cutoffs, 0), lengths[:, None])
    log_upper = np.log1p(-(ranks + 0.5) / lengths[:, None])
    excesses = np.where(k == 0, -sigma * log_upper, sigma * np.expm1(-k * log_upper) / k)
    smoothed = np.minimum(np.log(cutoffs + excesses), log_weights[:, -1:])
    fitted = np.isfinite(k)
    return np.where(fitted & (ranks >= 0), smoothed, log_weights), np.where(fitted, k, np.inf)[:, 0]


def fit_pareto(excesses: np.ndarray) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto distribution.

    Parameters
    ----------
    excesses : (m,)
        Distances above the threshold, in rising order.

    Returns
    -------
    k, sigma : float
        Posterior means under the empirical prior of Zhang & Stephens; k is drawn towards 0.5 with the weight of ten
        values. nan if the first quartile is the smallest value, k infinite if the mean is not finite.
    """
    with np.errstate(all="ignore"):
        k, sigma = _fit_tails(np.append(0.0, excesses)[None], np.array([[len(excesses)]]))
    return float(k[0, 0]), float(sigma[0, 0])


def _fit_tails(excesses: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``fit_pareto``, (n, 1) each, of the last ``lengths`` (n, 1) of the excesses (n, m), with a zero before them.

    All have the same number of points.
    """
    points, firsts = _points(lengths[0, 0]), excesses.shape[1] - lengths
    smallest = np.take_along_axis(excesses, firsts, axis=1)
    quartile = np.take_along_axis(excesses, firsts + (lengths / 4 + 0.5).astype(int) - 1, axis=1)
    b = 1 - np.sqrt(points / (np.arange(1, points + 1, dtype=float) - 0.5))
    b = b / (3 * quartile) + 1 / excesses[:, -1:]
    k = _mean_log1p(-b[..., None] * excesses[:, None], lengths)
    log_likelihood = lengths * (np.log(-b / k) - k - 1)
    weights = np.exp(log_likelihood - log_sum_exp(log_likelihood)[:, None])
    counts = weights >= 10 * np.finfo(float).eps
    weights /= _sums_where(counts, weights)
    b_mean = _sums_where(counts, b * weights)
    k_mean = _mean_log1p(-b_mean[..., None] * excesses[:, None], lengths)
    sigma = -k_mean / b_mean
    k_mean = (lengths * k_mean + 5) / (lengths + 10)
    k_mean = np.where(np.isnan(k_mean), np.inf, k_mean)
    k, sigma = np.where(quartile > smallest, [k_mean, sigma], np.nan)
    return k, sigma


def _points(lengths: np.ndarray) -> np.ndarray:
    """At how many points the likelihood of a tail is computed."""
    return 30 + np.sqrt(lengths).astype(int)


# The next two give, to the last bit, the sums of arrays that hold nothing else. Zeros in place of the others would
# change the order in which NumPy adds, and so does ``reduceat`` with the first of a segment, unless that is a zero.
def _mean_log1p(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Means (n, points) of log(1 + values), over the last ``lengths`` (n, 1) of the values (n, points, m)."""
    n, points, m = values.shape
    begins = np.arange(0, values.size, m).reshape(n, points)
    segments = np.stack([begins, begins + m - lengths - 1], axis=-1)
    return np.add.reduceat(np.log1p(values).ravel(), segments.ravel())[1::2].reshape(n, points) / lengths


def _sums_where(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sums (n, 1) of the values (n, m) that count."""
    zero = np.zeros((len(values), 1))
    counts = np.hstack([zero == 0, counts])
    n_counts = counts.sum(axis=1)
    return np.add.reduceat(np.hstack([zero, values])[counts], n_counts.cumsum() - n_counts)[:, None]


def smooth_one(log_ratios: np.ndarray, efficiency: float) -> tuple[np.ndarray, float]:
    """``smooth`` for one target, (m,); equal weights and an infinite k if a ratio is not a number."""
    if np.isnan(log_ratios).any() or not np.isfinite(log_ratios.max()):
        return np.full(log_ratios.shape, -np.log(log_ratios.size)), np.inf
    log_weights, pareto_k = smooth(log_ratios[None], np.array([efficiency]))
    return log_weights[0], float(pareto_k[0])


def efficiency_of_one(log_values: np.ndarray) -> float:
    """``relative_efficiency`` for one mean, (chain, draw)."""
    return float(relative_efficiency(log_values[None])[0])


def relative_error(log_values: np.ndarray) -> float:
    """Monte Carlo standard error of the log of the mean of exp(log_values), (chain, draw)."""
    values = np.exp(log_values - log_values.max())
    return float(values.std(ddof=1) / values.mean() / np.sqrt(values.size * efficiency_of_one(log_values)))
