"""Group-level effects that NUTS samples around the linear predictor of their level.

By default NUTS moves over standard normal variables, which a standard deviation turns into effects (non-centred). Where
the data say much about each level, these variables are tied to the standard deviation, and to the common coefficients:
the intercept and all effects can move against each other without changing any mean. There NUTS moves over the sum of
the two instead, what the common coefficients and the effects together say of a level (hierarchical centring). Model and
parameters are the same.

References
----------
Gelfand, Sahu & Carlin (1995), Biometrika 82(3); Papaspiliopoulos, Roberts & Skoeld (2007), Statistical Science 22(1).
"""

from dataclasses import dataclass

import numpy as np

from partialpool.model.lkj import CorrelatedBlock
from partialpool.model.names import Block, Term, is_expression_dim

# A direction in which the covariates of a level vary by less than this share of the largest is none.
FLAT = 1e-8


@dataclass(frozen=True)
class Levels:
    """The levels of a bar's grouping factor in some rows.

    Attributes
    ----------
    z : (n, q)
        Covariates of the effects.
    level : (n,)
        The level of each row, from 0.
    n_levels
        How many there are, those without rows among them.
    """

    z: np.ndarray
    level: np.ndarray
    n_levels: int

    @classmethod
    def of(cls, parent, block: Block) -> "Levels":
        """Those of a bar of a ``bambi.Model``; ``parent`` is the parameter that its formula makes."""
        terms = [parent.group_specific_terms[term.name] for term in block.terms]
        z = np.column_stack([np.asarray(term.predictor, dtype=float) for term in terms])
        return cls(z, np.asarray(terms[0].group_index), len(terms[0].groups))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums of the rows (n, ...) of each level, (levels, ...)."""
        sums = np.zeros((self.n_levels, *values.shape[1:]))
        np.add.at(sums, self.level, values)
        return sums

    @property
    def products(self) -> np.ndarray:
        """The products z'z of each level, (levels, q, q)."""
        return self.sums(self.z[:, :, None] * self.z[:, None, :])

    def weights(self) -> np.ndarray:
        """What a value in each row adds to the least-squares coefficients of its level, (n, q).

        These are the shortest where several fit.
        """
        inverses = np.linalg.pinv(self.products, rcond=FLAT, hermitian=True)
        return (inverses[self.level] @ self.z[..., None])[..., 0]

    def rank(self) -> int:
        """How many coefficients the rows tell apart, of all levels together."""
        if not self.z.shape[1]:
            return 0
        values = np.linalg.eigvalsh(self.products)
        return int((values > FLAT * values.max(axis=1, keepdims=True, initial=0)).sum())

    def is_within(self, other: "Levels") -> bool:
        """Whether each level with rows belongs to one level of another factor, which has fewer of them."""
        pairs = np.unique(np.stack([self.level, other.level]), axis=1).shape[1]
        return pairs == len(np.unique(self.level)) > len(np.unique(other.level))


class LevelMeans:
    """What all terms but its own say of the effects of a bar: least squares of their linear predictor in each level.

    Those are the common terms and the bars before it. For ``(1 | id)`` it is the mean of the rows of each level.

    Parameters
    ----------
    model : bambi.Model
        With an outcome whose levels, if it has any, have no coefficients of their own.
    block
        The bar.
    """

    def __init__(self, model, block: Block):
        parent = model.parameters[model.family.likelihood.parent]
        self.levels = Levels.of(parent, block)
        self.weights = self.levels.weights()
        self.intercept = parent.intercept_term.name if parent.intercept_term else None
        self.common = list(parent.common_terms)
        columns = common_columns(parent, len(self.weights))
        self.of_columns = self.levels.sums(self.weights[:, :, None] * columns[:, None, :])
        names = list(parent.group_specific_terms)
        before = names[: min(names.index(term.name) for term in block.terms)]
        self.before = [(name, parent.group_specific_terms[name]) for name in before]

    def of_effect(self, variables, j: int):
        """Means of the j-th effect of a unit, (levels,), a PyTensor variable.

        Parameters
        ----------
        variables : pymc.Model
            That of the terms before.
        j
            Position among the effects of the bar.
        """
        import pytensor.tensor as pt

        names = [self.intercept] * (self.intercept is not None) + self.common
        means = pt.zeros(self.levels.n_levels)
        if names:
            coefficients = pt.concatenate([pt.atleast_1d(variables[name]) for name in names])
            means = pt.dot(self.of_columns[:, j], coefficients)
        for name, term in self.before:
            of_rows = variables[name][term.group_index] * term.predictor
            of_rows = of_rows.sum(axis=1) if of_rows.ndim > 1 else of_rows
            means = means + pt.zeros(self.levels.n_levels)[self.levels.level].inc(self.weights[:, j] * of_rows)
        return means


def common_columns(parent, n: int) -> np.ndarray:
    """Columns of the common coefficients, (n, p): ones for an intercept, beside which Bambi centres the others."""
    columns = [np.asarray(term.data, dtype=float).reshape(n, -1) for term in parent.common_terms.values()]
    together = np.column_stack([np.empty((n, 0)), *columns])
    if parent.intercept_term:
        together = np.column_stack([np.ones(n), together - together.mean(axis=0)])
    return together


class CentredBlock(CorrelatedBlock):
    """A bar whose effects are sampled around the linear predictor of their level.

    Given the effects before it, the j-th one is normal around sd_j (L[j, 0] z_0 + ... + L[j, j - 1] z_{j - 1}) with
    standard deviation sd_j L[j, j].

    Parameters
    ----------
    block
        The bar; each of its terms has one effect.
    eta
        Of LKJ(eta), if there are several.
    means
        Of its levels.
    """

    def __init__(self, block: Block, eta: float | None, means: LevelMeans):
        super().__init__(block, eta)
        self.means = means

    def build_term(self, name: str, sigma, dims):
        import pymc as pm

        model = pm.modelcontext(None)
        if self.model is not model:
            self.begin(model, [])
        j, term = len(self.z), Term.of_name(name)
        # With a dimension of its own, though there is one effect, if it is that of a category.
        shape = (-1, 1) if any(map(is_expression_dim, dims)) else (-1,)
        sd = sigma.reshape(())
        around, spread = self.means.of_effect(model, j), sd * self.cholesky[j][j]
        of_others = sd * sum((self.cholesky[j][k] * self.z[k] for k in range(j)), 0.0)
        sampled = term.correlated_standard_normal_name if self.name else term.standard_normal_name
        sums = pm.Normal(sampled, (around + of_others).reshape(shape), spread, dims=dims).reshape((-1,))
        self.z.append((sums - around - of_others) / spread)
        return pm.Deterministic(name, (sums - around).reshape(shape), dims=dims)

    def begin(self, model, response_dims: list[str]) -> None:
        if self.name:
            super().begin(model, response_dims)
        else:
            self.model, self.z, self.cholesky = model, [], [[1.0]]
