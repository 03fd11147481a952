"""The joint density of a model on the unconstrained space, where it is sampled, and the draws of a fit there."""

from itertools import combinations

import numpy as np
import pandas as pd

from partialpool.fit.by_row import draws_by_row
from partialpool.model.build import build
from partialpool.model.formula import bars
from partialpool.model.names import Block, Term, bambi_blocks, pair_dim, partial_correlations_name
from partialpool.model.population import cholesky_of_correlations, correlation_matrices
from partialpool.model.spec import ModelSpec

# ASSUME: a correlation nearer to +-1 has too few digits left to tell the draws that it was made from.
NEAREST_TO_ONE = 1e-8
TOLERANCE = 1e-6


class Unrecoverable(Exception):
    """Why the draws of a fit cannot be recovered on the unconstrained space."""


class Density:
    """Log density of all parameters and data of a model on the unconstrained space, and of each row given them.

    Parameters
    ----------
    spec
        The model's spec.
    rows
        Its complete cases (``formula.complete_cases``).

    Attributes
    ----------
    model : pymc.Model
        As Bambi builds it. Its free variables, ravelled one after the other, are the d coordinates of the space.
    parent
        The parameter of the family that the formula models, usually the mean, from ``bambi``, the Bambi model.
    places : dict
        For each free variable a slice of the coordinates.
    shapes : dict
        For each free variable its shape on the unconstrained space.
    """

    def __init__(self, spec: ModelSpec, rows: pd.DataFrame):
        import pytensor
        import pytensor.tensor as pt
        from pytensor.graph.replace import clone_replace

        self.formula, self.n = spec.formula, len(rows)
        self.bambi = build(spec, rows)
        self.bambi.build()
        self.parent = self.bambi.parameters[self.bambi.family.likelihood.parent]
        self.model = self.bambi.backend.model
        (self.observed,) = self.model.observed_RVs

        start, vector, pieces, end = self.model.initial_point(), pt.dvector(), {}, 0
        self.places: dict[str, slice] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        for variable in self.model.free_RVs:
            value = self.model.rvs_to_values[variable]
            shape = start[value.name].shape
            place = slice(end, end := end + start[value.name].size)
            self.places[variable.name], self.shapes[variable.name] = place, shape
            pieces[value] = vector[place].reshape(shape)
        self.dimensions = end
        by_row = self.model.logp(vars=[self.observed], sum=False)[0]
        outputs = clone_replace([self.model.logp(), by_row], pieces)
        self._function = pytensor.function([vector], outputs, mode="NUMBA", trust_input=True)

    def __call__(self, x: np.ndarray, rows=slice(None)) -> tuple[np.ndarray, np.ndarray]:
        """Log density of everything, (m,), and of some rows given the parameters, (m, rows), at points (m, d)."""
        totals, some = [], []
        for point in x:
            total, by_row = self._function(point)
            totals.append(float(total))
            some.append(by_row[rows])
        return np.array(totals), np.array(some)

    def unseen(self, left_out: np.ndarray) -> np.ndarray:
        """Coordinates of effects of which nothing is known without some rows: those of levels that only they have.

        Parameters
        ----------
        left_out
            Positions of rows.

        Returns
        -------
        (d,), bool
            Given the data without these rows and all other parameters, these coordinates are standard normal.
        """
        kept = np.delete(np.arange(self.n), left_out)
        unseen = np.zeros(self.dimensions, bool)
        for term in self.parent.group_specific_terms.values():
            named = Term.of_bambi(term)
            levels = np.bincount(term.group_index[kept], minlength=len(term.groups)) == 0
            for offset in (named.standard_normal_name, named.correlated_standard_normal_name):
                if offset in self.places:
                    unseen[self.places[offset]].reshape(self.shapes[offset])[levels] = True
        return unseen

    def recover(self, tree) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The draws of a fit of this model.

        Parameters
        ----------
        tree
            From ``fit.fit`` with ``engine: nuts``.

        Returns
        -------
        draws : (chain, draw, d)
        log_density : (chain, draw)
        log_likelihood : (chain, draw, n)

        Raises
        ------
        Unrecoverable
            If a variable that was sampled does not follow from those that are kept, or if the likelihood at the
            recovered draws is not that of the fit.
        """
        import pytensor.tensor as pt
        from pytensor.compile.mode import Mode

        posterior = tree["posterior"].to_dataset()
        values = dict(posterior.data_vars) | self._offsets(posterior) | self._intercept(posterior)
        draws = np.empty((*(posterior.sizes[dim] for dim in ("chain", "draw")), self.dimensions))
        for variable in self.model.free_RVs:
            name = variable.name
            if name not in values:
                raise Unrecoverable(f"the variable '{name}' is not kept and does not follow from those that are")
            dims = self.model.named_vars_to_dims.get(name) or ()
            value = values[name].transpose("chain", "draw", *dims).to_numpy()
            if transform := self.model.rvs_to_transforms[variable]:
                # Evaluated only once, so compiling would take longer.
                value = transform.forward(pt.as_tensor(value), *variable.owner.inputs).eval(mode=Mode("py", None))
            draws[..., self.places[name]] = value.reshape(*draws.shape[:2], -1)
        if not np.isfinite(draws).all():
            raise Unrecoverable("a standard deviation is zero, or a parameter at its bound, to the last digit")
        log_density, log_likelihood = self(draws.reshape(-1, self.dimensions))
        kept = draws_by_row(tree, "log_likelihood")
        log_likelihood = log_likelihood.reshape(*draws.shape[:2], -1)
        if log_likelihood.shape != kept.shape or not np.allclose(log_likelihood, kept, rtol=TOLERANCE, atol=TOLERANCE):
            raise Unrecoverable("the log likelihood at the draws recovered is not that of the fit")
        return draws, log_density.reshape(draws.shape[:2]), log_likelihood

    def _intercept(self, posterior) -> dict:
        """The intercept of the centred design, which was sampled; the posterior has the one at predictors = 0."""
        if not (self.parent.intercept_term and self.parent.common_terms and self.bambi.center_predictors):
            return {}
        import xarray as xr

        name = self.parent.intercept_term.name
        intercept = posterior[name]
        for term in self.parent.common_terms.values():
            sizes = {dim: posterior.sizes[dim] for dim in term.coords}
            mean = xr.DataArray(np.reshape(term.data.mean(axis=0), tuple(sizes.values())), dims=list(sizes))
            intercept = intercept + (posterior[term.name] * mean).sum(list(sizes))
        return {name: intercept}

    def _offsets(self, posterior) -> dict:
        """The standard normal variables behind group-level effects, and the partial correlations: see ``model.lkj``."""
        import xarray as xr

        values = {}
        for block in bambi_blocks(bars(self.formula), self.parent.group_specific_terms):
            standard = {term: posterior[term.name] / posterior[term.sd_name] for term in block.terms}
            if block.correlation is None:
                (term,) = block.terms
                values[term.standard_normal_name] = standard[term]
                continue
            single = [effect for term, effects in standard.items() for effect in _one_by_one(term, effects)]
            z, values[partial_correlations_name(block.correlation)] = _uncorrelated(posterior, block, single)
            for term in block.terms:
                own, z = z[: len(term.coefficients)], z[len(term.coefficients) :]
                together = own[0] if term.levels is None else xr.concat(own, dim=term.expression_dim)
                values[term.correlated_standard_normal_name] = together
        return values


def _one_by_one(term: Term, effects) -> list:
    """The effects of a term, each an array without their dimension."""
    if term.levels is None:
        return [effects]
    return [effects.isel({term.expression_dim: i}, drop=True) for i in range(len(term.levels))]


def _uncorrelated(posterior, block: Block, effects: list) -> tuple[list, object]:
    """Independent standard normal variables z behind the standardised effects of a block, effects = Cholesky factor z.

    The second result is (1 + partial correlation) / 2 of each pair of effects.
    """
    import xarray as xr

    pairs = posterior[block.correlation].transpose(..., pair_dim(block.correlation))
    cholesky, partial = cholesky_of_correlations(correlation_matrices(pairs.to_numpy(), len(effects)))
    if not (np.abs(partial) < 1 - NEAREST_TO_ONE).all():
        raise Unrecoverable(f"a correlation of '{block.correlation}' has rounded to one")

    def entry(j: int, k: int):
        return xr.DataArray(cholesky[..., j, k], dims=pairs.dims[:-1])

    z = []
    for j, effect in enumerate(effects):
        z.append((effect - sum(entry(j, k) * z[k] for k in range(j))) / entry(j, j))
    halves = [(1 + partial[..., j, k]) / 2 for k, j in combinations(range(len(effects)), 2)]
    return z, pairs.copy(data=np.stack(halves, axis=-1))
