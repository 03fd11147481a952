"""Densities of units of a Gaussian model, with their effects integrated out in closed form."""

import numpy as np


def densities(
    y: np.ndarray, eta: np.ndarray, sigma: np.ndarray, z: np.ndarray, cholesky: np.ndarray, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log densities of each unit, and of each row given the other rows of its unit.

    The rows of a unit are normal with the covariance Z S Z' + sigma^2 I, where S = L L' is that of the effects. What
    is needed of its inverse comes from I + L' Z' Z L / sigma^2, which has a row for each effect.

    Parameters
    ----------
    y : (n,)
        Outcomes.
    eta : (draws, n)
        What the common coefficients make of their means.
    sigma : (draws,)
        Residual standard deviations.
    z : (n, q)
        Design of the effects of a unit.
    cholesky : (draws, q, q)
        L.
    codes : (n,)
        Which unit each row belongs to.

    Returns
    -------
    units : (draws, units), in nats
    rows : (draws, n), in nats

    References
    ----------
    Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, section 5.4.2, one row given the others.
    """
    sizes, effects = np.bincount(codes), range(z.shape[1])

    def sums(columns) -> np.ndarray:
        """Sums of some columns, (n,) each, over the rows of each unit: (units, columns)."""
        return np.stack([np.bincount(codes, column, len(sizes)) for column in columns], axis=-1)

    products = sums(z[:, i] * z[:, j] for i in effects for j in effects).reshape(len(sizes), *cholesky.shape[1:])
    of_units, of_rows = np.empty((len(eta), len(sizes))), np.empty(eta.shape)
    for draw, scale in enumerate(sigma):
        # All in units of sigma from here on.
        own, residual = cholesky[draw] / scale, (y - eta[draw]) / scale
        precision = np.eye(len(own)) + own.T @ products @ own
        covariance = np.linalg.inv(precision)
        projected = sums(z[:, i] * residual for i in effects) @ own
        mean = (covariance @ projected[..., None])[..., 0]
        log_constant = np.log(scale) + np.log(2 * np.pi) / 2
        squares = sums([residual**2])[:, 0] - (projected * mean).sum(axis=-1)
        of_units[draw] = -sizes * log_constant - (np.linalg.slogdet(precision)[1] + squares) / 2
        # Of each row, what the effects explain, and the share of its variance that is not theirs.
        explained = (z * (mean @ own.T)[codes]).sum(axis=-1)
        rest = 1 - np.einsum("ni,nij,nj->n", z, (own @ covariance @ own.T)[codes], z)
        of_rows[draw] = np.log(rest) / 2 - log_constant - (residual - explained) ** 2 / rest / 2
    return of_units, of_rows
