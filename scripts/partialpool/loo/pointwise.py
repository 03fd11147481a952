"""Expected log predictive densities of all that is left out of one model: values, totals and their errors."""

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

# Above this the importance weights have no finite variance worth trusting (Vehtari, Simpson, Gelman, Yao & Gabry 2024).
BAD_PARETO_K = 0.7
# ASSUME: an estimate from draws that were moved counts if its weights have a finite variance, so that its standard
# error means something. Up to 0.7, which is enough for draws that stay where they were, such estimates were seen to be
# ten standard errors off.
GOOD_PARETO_K = 0.5
# Batches of draws in each chain; how totals vary between them gives their Monte Carlo errors.
BATCHES = 10
# Methods whose Monte Carlo error is known from batches of draws; that of other methods is known row by row only.
IN_BATCHES = ("psis", "integrated")
# Rows that a message names.
MOST_LISTED = 12
# What is left out.
ESTIMANDS = ("observation", "unit")


class Estimate(NamedTuple):
    """Log predictive density of an observation, in nats, its Monte Carlo error, and the Pareto k of its weights."""

    elpd: float
    mcse: float
    pareto_k: float


@dataclass(frozen=True)
class PointwiseElpd:
    """Expected log predictive densities of n observations, or of n units, each of them left out of one model.

    Attributes
    ----------
    labels : (n,)
        Which row of the raw data, or which unit.
    elpd, p_loo : (n,)
        Expected log predictive density, in nats, and how much higher the density is with what was left out in the data;
        nan where that is not known.
    pareto_k : (n,)
        Shape of the tail of the importance weights; 0 where there are none.
    mcse : (n,)
        Monte Carlo standard error of ``elpd`` (meaningless where ``pareto_k`` is over 0.7).
    method : (n,), str
        How each value was computed: ``integrated``, ``integrated_refit``, ``psis``, ``moment_matching``, ``refit`` or
        ``kfold``.
    elpd_batches, p_loo_batches : (n, batches)
        What each batch of draws adds to the two, to first order. Rows share the draws, so their errors go together, and
        only sums over rows of a batch tell how far a total is off. ``p_loo_batches`` is None where it is not known.
    """

    labels: np.ndarray
    elpd: np.ndarray
    pareto_k: np.ndarray
    p_loo: np.ndarray
    mcse: np.ndarray
    method: np.ndarray
    elpd_batches: np.ndarray
    p_loo_batches: np.ndarray | None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def bad(self) -> np.ndarray:
        """Which values have a Pareto k over 0.7, (n,)."""
        return ~(self.pareto_k <= BAD_PARETO_K)

    def by_label(self) -> "PointwiseElpd":
        """The same in the order of the labels."""
        return self.take(np.argsort(self.labels, kind="stable"))

    def take(self, indices: np.ndarray) -> "PointwiseElpd":
        """Some of the values, by position."""
        values = {name: value if value is None else value[indices] for name, value in vars(self).items()}
        return replace(self, **values)

    def put(self, at: np.ndarray, other: "PointwiseElpd") -> "PointwiseElpd":
        """A copy with the values of another, computed from as many batches, at some positions."""
        values = {name: value.copy() for name, value in vars(self).items()}
        for name, value in values.items():
            value[at] = getattr(other, name)
        return replace(self, **values)

    def replaced(self, estimates: "dict[int, Estimate]", method: str) -> "PointwiseElpd":
        """A copy with other estimates, by another method, at some positions."""
        if not estimates:
            return self
        at = np.array(list(estimates))
        values = {name: value if value is None else value.copy() for name, value in vars(self).items()}
        values["p_loo"][at] += self.elpd[at] - [estimate.elpd for estimate in estimates.values()]
        for name in Estimate._fields:
            values[name][at] = [getattr(estimate, name) for estimate in estimates.values()]
        values["method"][at] = method
        # These estimates are from other draws than the fit's, whose batches now say nothing of elpd; they still do of
        # the density of the row left in.
        if self.p_loo_batches is not None:
            values["p_loo_batches"][at] += self.elpd_batches[at]
        values["elpd_batches"][at] = 0
        return replace(self, **values)

    def total(self, of: str = "elpd") -> float:
        """Sum of ``elpd`` or ``p_loo``."""
        return float(getattr(self, of).sum())

    def se(self, of: str = "elpd") -> float:
        """Standard error of the sum of ``elpd`` or ``p_loo``: how it would vary from one sample of n to another."""
        return standard_error(getattr(self, of))

    def mcse_of_total(self, of: str = "elpd") -> float:
        """Monte Carlo standard error of ``total``: how it would vary from one run of the sampler to another."""
        return self.mcse_of_sum(np.ones(len(self)), of)

    def mcse_of_se(self, of: str = "elpd") -> float:
        """Monte Carlo standard error of ``se``."""
        return self.mcse_of_sum(slope(getattr(self, of)), of)

    def mcse_of_sum(self, weights: np.ndarray, of: str = "elpd") -> float:
        """Monte Carlo standard error of a weighted sum of the values.

        Parameters
        ----------
        weights : (n,)
            For a function of the values: its derivatives (delta method).
        of
            ``elpd`` or ``p_loo``.

        Returns
        -------
        float
            From the sums over rows of each batch of draws (batch means). The errors of methods whose draws are not in
            batches are added up: they cannot be larger together. nan where a Pareto k is over 0.7 or a value is not
            known: then no error can be trusted.

        References
        ----------
        Flegal & Jones (2010), Annals of Statistics 38(2), batch means.
        """
        if self.bad.any() or np.isnan(getattr(self, of)).any():
            return np.nan
        sums = weights @ getattr(self, f"{of}_batches").astype(float)
        others = np.abs(weights) @ np.where(np.isin(self.method, IN_BATCHES), 0.0, self.mcse)
        return float(np.sqrt(len(sums) * sums.var(ddof=1)) + others)


def concatenate(parts: list[PointwiseElpd]) -> PointwiseElpd:
    """Values of one model that were computed in parts, none of them without ``p_loo_batches``."""
    names = [field.name for field in fields(PointwiseElpd)]
    return PointwiseElpd(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


@dataclass(frozen=True)
class ModelLoo:
    """Leave-one-out cross-validation of one model.

    Attributes
    ----------
    observation, unit
        Single observations left out; all observations of a unit left out together. By the best method there is; None
        for what nobody asked for, and for what costs more than nobody asked for.
    plain_psis
        Single observations by plain Pareto-smoothed importance sampling, which readers know. None if the fit keeps the
        log likelihood at some draws only.
    """

    observation: PointwiseElpd | None
    unit: PointwiseElpd | None
    plain_psis: PointwiseElpd | None


def standard_error(values: np.ndarray) -> float:
    """Standard error of a sum of n values: sqrt(n var), ddof 1."""
    return float(np.sqrt(len(values) * np.var(values, ddof=1)))


def slope(values: np.ndarray) -> np.ndarray:
    """Derivatives of ``standard_error`` by each of the values."""
    n, error = len(values), standard_error(values)
    return n / (n - 1) * (values - values.mean()) / error if error > 0 else np.zeros(n)


def batch_sums(influence: np.ndarray) -> np.ndarray:
    """Sums over each batch of draws: (n, chain, draw) -> (n, batches), a few batches a chain."""
    draws = influence.shape[2]
    starts = np.linspace(0, draws, min(BATCHES, draws), endpoint=False).astype(int)
    # In single precision, because they stay in memory while models are compared, and only their spread counts.
    return np.add.reduceat(influence, starts, axis=2).reshape(len(influence), -1).astype(np.float32)


def list_rows(rows) -> str:
    """Numbers of rows for a message: the first few, and how many more there are."""
    shown = ", ".join(str(int(row)) for row in rows[:MOST_LISTED])
    return shown + (f" and {len(rows) - MOST_LISTED} more" if len(rows) > MOST_LISTED else "")
