"""Correlated group-level effects: LKJ correlations, and the terms of a bar that share one."""

from itertools import combinations

import numpy as np

from partialpool.model.names import (
    Block,
    Term,
    is_expression_dim,
    is_grouping_dim,
    pair_dim,
    pair_label,
    partial_correlations_name,
)


def correlation_cholesky(name: str, coefficients: list[str], eta: float, response_dims: list[str] | None = None):
    """Add an LKJ correlation to the PyMC model of the context.

    Parameters
    ----------
    name
        Of the correlations; their labels are such as ``Intercept,x``.
    coefficients
        Names of the q effects.
    eta
        Of LKJ(eta).
    response_dims
        Dimensions over which there is one correlation matrix each.

    Returns
    -------
    list of lists
        Rows of the Cholesky factor of the correlation matrix, q of them with 1 to q entries.
    """
    import pymc as pm
    import pytensor.tensor as pt

    response_dims = response_dims or []
    q = len(coefficients)
    pairs = list(combinations(range(q), 2))
    dims = (pair_dim(name), *response_dims)
    pm.modelcontext(None).add_coord(dims[0], [pair_label(coefficients[k], coefficients[j]) for k, j in pairs])
    b = np.array([eta + (q - 2 - k) / 2 for k, _ in pairs])
    b = b.reshape(-1, *[1] * len(response_dims))
    half = pm.Beta(partial_correlations_name(name), b, b, dims=dims)
    partial = {pair: 2 * half[i] - 1 for i, pair in enumerate(pairs)}
    rest = {pair: 2 * pt.sqrt(half[i] * (1 - half[i])) for i, pair in enumerate(pairs)}
    cholesky = []
    for j in range(q):
        row, left = [], 1.0
        for k in range(j):
            row.append(partial[k, j] * left)
            left = left * rest[k, j]
        cholesky.append([*row, left])
    correlations = [sum(cholesky[i][k] * cholesky[j][k] for k in range(i + 1)) for i, j in pairs]
    pm.Deterministic(name, pt.stack(correlations), dims=dims)
    return cholesky


class CorrelatedBlock:
    """The terms of one bar, which build their coefficients one after the other from a shared Cholesky factor.

    With partial correlations p[k, j] ~ 2 Beta(b_k, b_k) - 1, b_k = eta + (q - 2 - k) / 2, the correlation matrix
    L L' is LKJ(eta) (Lewandowski, Kurowicka & Joe 2009, their C-vine). L is lower triangular, so a term needs only the
    standard normal draws of the terms before it and its own, and no matrix is ever factorised: exact up to +-1.
    """

    def __init__(self, block: Block, eta: float):
        self.name = block.correlation
        self.eta = eta
        self.coefficients = block.coefficients
        self.model = None

    def prior(self, sd):
        """The Bambi prior of one term of the block; ``sd`` is the prior of its standard deviation."""
        import bambi

        # Centred as far as Bambi knows: it passes sigma, and the non-centred effects are made here.
        # A closure, because Bambi copies priors, and the terms of one bar must go on sharing this block.
        def dist(name, sigma, dims):
            return self.build_term(name, sigma, dims)

        return bambi.Prior("LKJNormal", auto_scale=False, dist=dist, noncentered=False, sigma=sd)

    def build_term(self, name: str, sigma, dims):
        import pymc as pm
        import pytensor.tensor as pt

        model = pm.modelcontext(None)
        if self.model is not model:
            self.begin(model, [dim for dim in dims if not (is_grouping_dim(dim) or is_expression_dim(dim))])
        is_vector = any(map(is_expression_dim, dims))
        z = pm.Normal(Term.of_name(name).correlated_standard_normal_name, 0, 1, dims=dims)
        self.z += [z[:, j] for j in range(len(model.coords[dims[1]]))] if is_vector else [z]
        columns = []
        for j in range(len(self.effects), len(self.z)):
            effect = sum(self.cholesky[j][k] * self.z[k] for k in range(j + 1))
            self.effects.append(effect)
            columns.append(effect)
        # (units, coefficients, responses) times (coefficients, responses), or without the middle one.
        effects = pt.stack(columns, axis=1) if is_vector else columns[0]
        return pm.Deterministic(name, effects * sigma, dims=dims)

    def begin(self, model, response_dims: list[str]) -> None:
        self.model, self.z, self.effects = model, [], []
        self.cholesky = correlation_cholesky(self.name, self.coefficients, self.eta, response_dims)
