"""A summary of every variable."""

import math

import numpy as np
import pandas as pd

_SPARKS = np.array(list("▁▂▃▅▇"))


def describe(frame: pd.DataFrame) -> pd.DataFrame:
    """Summarise every column of prepared data, as R's ``rethinking::precis`` does [1]_.

    Parameters
    ----------
    frame
        Prepared data, from `prepare`.

    Returns
    -------
    DataFrame
        One row per column of ``frame`` but ``row``: ``variable``, ``n`` and ``missing`` (numbers
        of rows with and without a value), ``mean``, ``sd`` (divisor n - 1), ``q5.5`` and
        ``q94.5`` (linear interpolation, R's type 7), ``histogram`` (text of block characters).
        For columns that are not numbers the numbers are NaN and the histogram is empty.

    References
    ----------
    .. [1] McElreath, R. (2020). Statistical Rethinking, 2nd ed. CRC Press.
    """
    rows = []
    for variable, column in frame.drop(columns="row").items():
        numeric = pd.api.types.is_numeric_dtype(column)
        values = column.dropna() if numeric else pd.Series(dtype="float64")
        rows.append(
            {
                "variable": variable,
                "n": column.count(),
                "missing": column.isna().sum(),
                "mean": values.mean(),
                "sd": values.std(),
                "q5.5": values.quantile(0.055),
                "q94.5": values.quantile(0.945),
                "histogram": histogram(values.to_numpy(dtype="float64")),
            }
        )
    return pd.DataFrame(rows)


def histogram(values: np.ndarray) -> str:
    """Counts of R's ``hist(values, breaks = 10)`` as blocks, whose height is the count in fifths of the largest."""
    if not values.size:
        return ""
    breaks = pretty_breaks(values.min(), values.max(), 10)
    # Bins include their right end. As in R, a value just above a break, by a rounding error, counts as on it.
    inner = breaks[1:-1] + 1e-7 * (breaks[1] - breaks[0])
    counts = np.bincount(np.searchsorted(inner, values), minlength=inner.size + 1)
    steps = np.linspace(0, 1, len(_SPARKS) + 1)[1:]
    return "".join(_SPARKS[np.searchsorted(steps, counts / counts.max())])


def pretty_breaks(low: float, high: float, n: int) -> np.ndarray:
    """Return about n + 1 equally spaced round numbers over [low, high]: R's pretty, min.n = 1."""
    bias, bias_of_5, tolerance = 1.5, 0.5 + 1.5 * 1.5, 1e-10
    cell = max(abs(low), abs(high))
    if cell == 0:
        cell = 0.75
    elif high - low < cell * (1 + 1 / (1 + bias)) * n * np.finfo(float).eps * 3:
        cell = 0.75 * (9 + cell / 10 if cell > 10 else cell)
    else:
        cell = (high - low) / n
    base = unit = 10.0 ** math.floor(math.log10(cell))
    for candidate, weight in ((2 * base, bias), (5 * base, bias_of_5), (10 * base, bias)):
        if candidate - cell >= weight * (cell - unit):
            break
        unit = candidate

    first = math.floor(low / unit + tolerance)
    last = math.ceil(high / unit - tolerance)
    while first * unit > low + tolerance * unit:
        first -= 1
    while last * unit < high - tolerance * unit:
        last += 1
    if first == last:  # a single number gets one bin, which lies between it and zero
        first, last = (first, last + 1) if first < 0 else (first - 1, last)
    breaks = np.linspace(min(first * unit, low), max(last * unit, high), last - first + 1)
    return np.where(np.abs(breaks) < 1e-14 * unit, 0.0, breaks)
