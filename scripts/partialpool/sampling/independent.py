"""Independent draws from a density of a few dimensions, and its normalising constant.

Draws of a mixture of t distributions are weighted, and another mixture is fitted to them, for a few rounds. An
independence Metropolis chain of draws of the last mixture has the density as its distribution: a proposal is taken with
probability min(1, weight / weight of where the chain is). The mean of the weights is the normalising constant.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from partialpool.sampling.mixture import Mixture, fit_mixture, moments
from partialpool.weights.smoothing import log_sum_exp, smooth_one

# Draws and components of each round.
ROUNDS = ((1024, 1), (2048, 4), (4096, 12))
# A mixture whose weights are worth this share of its draws, with this Pareto k at most, is good enough.
GOOD, GOOD_PARETO_K = 0.85, 0.2
# By which a sum of weights differs from 1 where nothing is lost.
ROUNDING = 1e-9
# ASSUME: degrees of freedom of the first mixture. With many data a posterior is nearly normal, and no other is needed.
NEARLY_NORMAL = 30
# Spread of a twentieth of the first draws, which may find another mode; coordinates of the scales have a size of 1.
FAR = 3.0
# Draws that say how many of a mixture's proposals a chain takes, and of those kept so many that serve for another one.
PILOT, ENOUGH = 512, 8192
# Draws that say how a mixture is moved to another density.
CARRIED = 1024
# Fewer proposals say nothing of the weights.
FEWEST = 2000
# Where the draws that are to be kept fail the checks, mixtures of so many components are fitted to them.
MORE_COMPONENTS = (12, 12)
# The checks: the weights must have a variance, and the chain must move.
LARGEST_PARETO_K = 0.5
LOWEST_ACCEPTANCE = 0.3
# ASSUME: proposals for each draw that is kept are as many as leave at least this share of the draws the same as the one
# before, and at most 8: one where nine of ten are taken, three where three of four are.
REPEATED, MOST_PROPOSALS = 0.015, 8


@dataclass(frozen=True)
class IndependentDraws:
    """Draws from a density, and what is known of how they came about.

    Attributes
    ----------
    x : (chain, draw, d)
    log_density, log_weight : (chain, draw)
        Log density, and log importance weight, of each draw.
    accepted : (chain, draw)
        Whether it is another draw than the one before.
    log_evidence, mcse : float
        Logarithm of the normalising constant, and its Monte Carlo standard error; nan if ``pareto_k`` is too large for
        one.
    pareto_k : float
        Of the importance weights of all proposals.
    acceptance : float
        Share of proposals that a chain takes.
    """

    x: np.ndarray
    log_density: np.ndarray
    log_weight: np.ndarray
    accepted: np.ndarray
    log_evidence: float
    mcse: float
    pareto_k: float
    acceptance: float

    @property
    def trusted(self) -> bool:
        """Whether the checks hold."""
        return self.pareto_k <= LARGEST_PARETO_K and self.acceptance >= LOWEST_ACCEPTANCE

    @property
    def quality(self) -> str:
        """The checks in words."""
        return f"acceptance {self.acceptance:.2f}, Pareto k of the weights {self.pareto_k:.2f}"

    @property
    def stats(self) -> dict[str, np.ndarray]:
        """What a fit keeps of each draw, by name."""
        return {"lp": self.log_density, "log_weight": self.log_weight, "accepted": self.accepted}

    @property
    def attributes(self) -> dict[str, str | float]:
        """What a fit says of the draws, by name."""
        checks = {"pareto_k": self.pareto_k, "acceptance": self.acceptance}
        return self.evidence | {"sampling": "independent"} | checks

    @property
    def evidence(self) -> dict[str, float]:
        """``log_evidence`` and its Monte Carlo error, by their names among the attributes of a fit."""
        return {"log_evidence": self.log_evidence, "mcse_log_evidence": self.mcse}


@dataclass(frozen=True)
class Weighted:
    """Draws x (n, d) of a mixture, their log densities and log importance weights, (n,)."""

    x: np.ndarray
    log_density: np.ndarray
    log_weight: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """Weights that sum to 1; equal ones if the density is nowhere where the draws are."""
        if np.isneginf(self.log_weight.max()):
            return np.full(len(self.x), 1 / len(self.x))
        weights = np.exp(self.log_weight - log_sum_exp(self.log_weight))
        # Of log densities of a billion the last digits are lost, and with them a sum of 1. Where it is one, the weights
        # stay as they are, and the draws of earlier releases the same.
        return weights if abs(weights.sum() - 1) < ROUNDING else weights / weights.sum()

    @property
    def efficiency(self) -> float:
        """How many equal weights these are worth, as a share of the draws."""
        return float(1 / (self.weights**2).sum() / len(self.x))

    @property
    def pareto_k(self) -> float:
        """Of the importance weights."""
        return smooth_one(self.log_weight, 1.0)[1]

    @property
    def acceptance(self) -> float:
        """Share of proposals that a Metropolis chain takes: sum over pairs of min(w, w') / n, for weights of sum 1."""
        rising, n = np.sort(self.weights), len(self.x)
        return float(rising @ (2 * np.arange(n)[::-1] + 1) / n)


def weigh(log_density: Callable, proposal: Mixture, n: int, rng: np.random.Generator) -> Weighted:
    """Weighted draws of a mixture."""
    x = proposal.draw(n, rng)
    values = log_density(x)
    return Weighted(x, values, values - proposal.log_density(x))


def nearly_normal(mode: np.ndarray, root: np.ndarray) -> Mixture:
    """A t distribution with the mode and curvature of a density, from ``find_mode``."""
    return Mixture(np.ones(1), mode[None], 1.05 * root[None], NEARLY_NORMAL)


def adapt(log_density: Callable, mode: np.ndarray, root: np.ndarray, rng: np.random.Generator) -> Mixture:
    """A mixture close to a density of which ``find_mode`` knows mode and curvature."""
    near = nearly_normal(mode, root)
    roots = np.stack([near.roots[0], FAR * np.eye(len(mode))])
    proposal = Mixture(np.array([0.95, 0.05]), np.stack([mode, mode]), roots, NEARLY_NORMAL)
    for n, components in ROUNDS:
        draws = weigh(log_density, proposal, n, rng)
        if draws.efficiency > GOOD and draws.pareto_k < GOOD_PARETO_K:
            return near if n == ROUNDS[0][0] else proposal
        proposal = adapted(draws, components, rng)
    return proposal


def adapted(draws: Weighted, components: int, rng: np.random.Generator) -> Mixture:
    """Mixture fitted to weighted draws."""
    some = Weighted(draws.x[:ENOUGH], draws.log_density[:ENOUGH], draws.log_weight[:ENOUGH])
    return fit_mixture(some.x, some.weights, components, rng).with_wide_component(some.x, some.weights)


def carried(proposal: Mixture, of: Callable, to: Callable, rng: np.random.Generator) -> Mixture:
    """A mixture close to one log density, moved and stretched as one close to another must be.

    The same random numbers then give draws of both that differ little, but for where the densities are.
    """
    x = proposal.draw(CARRIED, rng)
    proposed = proposal.log_density(x)
    (mean, root), (other, stretched) = (
        moments(x, Weighted(x, values, values - proposed).weights) for values in (of(x), to(x))
    )
    turn = stretched @ np.linalg.inv(root)
    means, roots = other + (proposal.means - mean) @ turn.T, turn @ proposal.roots
    return Mixture(proposal.shares, means, roots, proposal.nu)


def proposals_for(acceptance: float) -> int:
    """Proposals for each draw that is kept."""
    wanted = np.log(REPEATED) / np.log(max(1 - acceptance, REPEATED))
    return int(np.clip(wanted, 1, MOST_PROPOSALS))


def sample(
    log_density: Callable[[np.ndarray], np.ndarray],
    proposal: Mixture,
    *,
    chains: int,
    draws: int,
    rng: np.random.Generator,
) -> IndependentDraws:
    """Independent draws from a density.

    Parameters
    ----------
    log_density
        Of points (n, d), (n,), up to a constant; -inf where there is none.
    proposal
        Where draws are proposed first: from ``adapt``, of this density or of one that is close to it.
    chains, draws
        How many to keep.
    rng
        Source of randomness.

    Returns
    -------
    IndependentDraws
        The last ones, if the checks never hold (``trusted``).

    References
    ----------
    Tierney (1994), Annals of Statistics 22(4), independence chains; Cappé, Douc, Guillin, Marin & Robert (2008),
    Statistics and Computing 18(4), mixtures that adapt.
    """
    for components in (*MORE_COMPONENTS, None):
        pilot = weigh(log_density, proposal, PILOT, rng)
        each = max(proposals_for(pilot.acceptance), -(-FEWEST // (chains * draws)))
        proposals = weigh(log_density, proposal, chains * draws * each, rng)
        kept = _chains(proposals, chains, draws, rng)
        if kept.trusted or components is None:
            break
        proposal = adapted(proposals, components, rng)
    return kept


# Where no proposal has a density differences of weights are no numbers, and k is infinite.
@np.errstate(invalid="ignore")
def _chains(proposals: Weighted, chains: int, draws: int, rng) -> IndependentDraws:
    """Metropolis chains over proposals; each begins at one of them that is chosen by weight."""
    n = len(proposals.x)
    each = n // chains
    thin = each // draws
    log_weight = proposals.log_weight
    thresholds = np.log(rng.random((chains, each)))
    at = np.empty((chains, each), dtype=np.int64)
    for chain, current in enumerate(rng.choice(n, size=chains, p=proposals.weights)):
        for i in range(each):
            candidate = chain * each + i
            if thresholds[chain, i] < log_weight[candidate] - log_weight[current]:
                current = candidate
            at[chain, i] = current
    kept = at[:, thin - 1 :: thin]
    log_evidence = float(np.logaddexp.reduce(log_weight) - np.log(n))
    pareto_k = proposals.pareto_k
    mcse = np.exp(log_weight - log_evidence).std(ddof=1) / np.sqrt(n)
    return IndependentDraws(
        x=proposals.x[kept],
        log_density=proposals.log_density[kept],
        log_weight=log_weight[kept] - log_evidence,
        accepted=np.diff(kept, axis=1, prepend=-1) != 0,
        log_evidence=log_evidence,
        mcse=float(mcse) if pareto_k <= LARGEST_PARETO_K else np.nan,
        pareto_k=pareto_k,
        acceptance=proposals.acceptance,
    )
