"""Mixtures of multivariate t distributions, and their fit to weighted draws."""

from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np

# ASSUME: degrees of freedom whose tails are heavier than those of a posterior of scales, and light enough not to waste
# draws.
NU = 5


@dataclass(frozen=True)
class Mixture:
    """A mixture of K multivariate t distributions in d dimensions.

    Attributes
    ----------
    shares : (K,)
        Of the components; their sum is 1.
    means : (K, d)
    roots : (K, d, d)
        Lower Cholesky factors of their scale matrices.
    nu : float
        Degrees of freedom.
    """

    shares: np.ndarray
    means: np.ndarray
    roots: np.ndarray
    nu: float = NU

    def distances(self, x: np.ndarray) -> np.ndarray:
        """Squared distances of points x (n, d) from the means, in units of the scale matrices, (K, n)."""
        pairs = zip(self.means, self.roots, strict=True)
        return np.stack([(np.linalg.solve(root, (x - mean).T) ** 2).sum(axis=0) for mean, root in pairs])

    def log_densities(self, distances: np.ndarray) -> np.ndarray:
        """Logarithm of share times density of each component, (K, n), at ``distances`` (K, n)."""
        nu, d = self.nu, self.means.shape[1]
        constant = lgamma((nu + d) / 2) - lgamma(nu / 2) - d / 2 * log(nu * pi)
        heights = np.log(self.shares) - np.log(np.diagonal(self.roots, axis1=1, axis2=2)).sum(axis=1) + constant
        return heights[:, None] - (nu + d) / 2 * np.log1p(distances / nu)

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Log density at points x (n, d), (n,)."""
        return np.logaddexp.reduce(self.log_densities(self.distances(x)), axis=0)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Independent draws, (n, d)."""
        which = rng.choice(len(self.shares), size=n, p=self.shares)
        steps = (
            rng.standard_normal((n, self.means.shape[1])) / np.sqrt(rng.chisquare(self.nu, size=n) / self.nu)[:, None]
        )
        return self.means[which] + (self.roots[which] @ steps[:, :, None])[..., 0]

    def with_wide_component(self, x: np.ndarray, weights: np.ndarray) -> "Mixture":
        """With a tenth of one more component that is twice as wide as weighted draws, which keeps weights bounded."""
        mean, root = moments(x, weights)
        return Mixture(
            np.append(0.9 * self.shares, 0.1),
            np.concatenate([self.means, mean[None]]),
            np.concatenate([self.roots, 2 * root[None]]),
        )


def moments(x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) of weighted draws x (n, d), and a lower Cholesky factor of their covariance; weights sum to 1."""
    mean = weights @ x
    away = x - mean
    covariance = (weights[:, None] * away).T @ away
    # So much more that it can be factorised, whatever few draws have all the weight.
    covariance[np.diag_indices(len(mean))] += 1e-6 * np.diag(covariance) + 1e-12
    return mean, np.linalg.cholesky(covariance)


def fit_mixture(x: np.ndarray, weights: np.ndarray, components: int, rng, iterations: int = 25) -> Mixture:
    """Weighted EM for a mixture of t distributions.

    Parameters
    ----------
    x, weights : (n, d), (n,)
        Draws, and their importance weights, which sum to 1.
    components
        How many at most; they begin at draws chosen by weight.
    rng
        Source of randomness.
    iterations
        Of EM; the mixture need not be the best one, since weights correct it.

    References
    ----------
    Peel & McLachlan (2000), Statistics and Computing 10(4); Cappé, Douc, Guillin, Marin & Robert (2008), Statistics and
    Computing 18(4): the mixture that comes closest to the target of the weights.
    """
    d = x.shape[1]
    mean, root = moments(x, weights)
    starts = x[rng.choice(len(x), size=components, p=weights)] if components > 1 else mean[None]
    mixture = Mixture(np.full(components, 1 / components), starts, np.tile(root, (components, 1, 1)))
    for _ in range(iterations):
        distances = mixture.distances(x)
        by_component = mixture.log_densities(distances)
        responsibility = weights * np.exp(by_component - np.logaddexp.reduce(by_component, axis=0))
        shares = responsibility.sum(axis=1)
        # A component that has lost almost all of the draws has no covariance of its own.
        alive = (shares > 5 * d / len(x)) | (shares == shares.max())
        pull = responsibility[alive] * (NU + d) / (NU + distances[alive])
        means, roots = [], []
        for own, share in zip(pull, shares[alive], strict=True):
            mean, root = moments(x, own / own.sum())
            means.append(mean)
            roots.append(root * np.sqrt(own.sum() / share))
        mixture = Mixture(shares[alive] / shares[alive].sum(), np.array(means), np.array(roots))
    return mixture
