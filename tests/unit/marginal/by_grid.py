"""Evidences of models with one effect of each level by quadrature over their scales, with dense algebra."""

import numpy as np
from scipy import stats

DENSITIES = {
    "Exponential": lambda x, lam: stats.expon.logpdf(x, scale=1 / lam),
    "Uniform": lambda x, low, high: stats.uniform.logpdf(x, low, high - low),
}


def log_evidence_by_quadrature(matrices, sigma=None, points=18):
    """Log evidence of a model, from its design.

    Given the scales the outcome is multivariate normal. Sums over even steps of logarithms of the scales are nearly
    exact, as the integrand vanishes at both ends.
    """
    axes = [np.geomspace(1, 5, points) if sigma is None else sigma]
    axes += [np.geomspace(1e-4, 12, 2 * points) for _ in matrices.factors]
    same = [factor.codes[:, None] == factor.codes for factor in matrices.factors]
    common = (matrices.x * matrices.prior_sd**2) @ matrices.x.T
    residual = matrices.y - matrices.x @ matrices.prior_mean
    priors = [matrices.priors.family["sigma"]]
    priors += [matrices.priors.sd[term.name] for factor in matrices.factors for term in factor.terms]
    values = np.empty([len(axis) for axis in axes])
    for place in np.ndindex(values.shape[:-1] if len(axes) > 1 else ()):
        # Along the last scale all covariances are A + s^2 B.
        *given, last = [*(axis[i] for axis, i in zip(axes, place, strict=False)), axes[-1]]
        values[place] = _along(common, same, given, last, residual)
    for i, (axis, prior) in enumerate(zip(axes, priors, strict=True)):
        own = DENSITIES[prior.name](axis, *(value for _, value in prior.args))
        values += own.reshape([-1 if k == i else 1 for k in range(len(axes))])
    top = values.max()
    total = np.exp(values - top)
    for axis in reversed(axes):
        total = np.trapezoid(total * axis, np.log(axis))
    return top + np.log(total)


def _along(common, same, given, last, residual):
    """Log likelihood at scales of which the last takes several values, sigma first."""
    n = len(residual)
    if given:
        covariance = common + given[0] ** 2 * np.eye(n)
        covariance += sum((sd**2 * own for sd, own in zip(given[1:], same, strict=False)), np.zeros((n, n)))
        covariances = covariance + last[:, None, None] ** 2 * same[-1]
    else:
        covariances = common + last[:, None, None] ** 2 * np.eye(n)
    cholesky = np.linalg.cholesky(covariances)
    whitened = np.linalg.solve(cholesky, np.broadcast_to(residual[:, None], (len(last), n, 1)))[..., 0]
    log_determinant = np.log(np.diagonal(cholesky, axis1=1, axis2=2)).sum(axis=1)
    return -0.5 * (whitened**2).sum(axis=1) - log_determinant - 0.5 * n * np.log(2 * np.pi)
