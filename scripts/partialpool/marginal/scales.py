"""Priors and transforms of the scales: their log density on the unconstrained space."""

from functools import cached_property
from itertools import count

import numpy as np

from partialpool.marginal.design import Design
from partialpool.marginal.native import MODEL, NUMBERS
from partialpool.marginal.statistics import Statistics
from partialpool.model.lkj import correlation_cholesky


def resolution(matrices: Design, gathered: Statistics) -> tuple[float, np.ndarray]:
    """Rough sizes of the scales: of sigma, and the sd of each effect that the data could just tell from 0.

    The latter, (q,), is the standard error of one unit's effect times (2 / units)^(1/4).
    """
    spread = np.sqrt(np.mean(gathered.xy[:, -1] ** 2)) or 1.0
    information = (matrices.z**2).sum(axis=0) / max(len(matrices.levels), 1)
    units = max(len(matrices.levels), 1)
    return spread, spread / np.sqrt(np.where(information > 0, information, 1.0)) * (2 / units) ** 0.25


def scales_model(matrices: Design, gathered: Statistics):
    """PyMC model of the scales without the likelihood.

    Standard deviations are moved on a scale that is linear where the data tell them from 0 and logarithmic below
    (a softplus): a posterior that reaches 0 is then close to normal, and NUTS needs fewer steps.

    Returns
    -------
    pymc.Model
        Priors and correlations under Bambi's names: ``sigma``, ``1|unit_sigma``, ``cor_unit``.
    dict
        Variables of the entries (row, column) of the Cholesky factor (q, q) of the covariance of a unit's effects.
    """
    import pymc as pm

    from partialpool.marginal.softplus import Softplus

    def scale(name, prior, size, **options):
        arguments = {argument: np.array(value) for argument, value in prior.args}
        return getattr(pm, prior.name)(name, **arguments, **options, initval=size, default_transform=Softplus(size))

    entries = {}
    spread, smallest = resolution(matrices, gathered)
    with pm.Model() as model:
        scale("sigma", matrices.priors.family["sigma"], spread)
        for block in matrices.blocks:
            sds = []
            for term in block.terms:
                levels, columns = term.level_coords, matrices.columns[term.name]
                model.add_coords({k: v for k, v in levels.items() if k not in model.coords})
                size = smallest[columns] if levels else smallest[columns.start]
                sd = scale(term.sd_name, matrices.priors.sd[term.name], size, dims=tuple(levels) or None)
                sds += [sd[i] for i in range(len(term.coefficients))] if levels else [sd]
            cholesky = [[1.0]]
            if block.correlation:
                cholesky = correlation_cholesky(block.correlation, block.coefficients, matrices.priors.eta)
            first = matrices.columns[block.terms[0].name].start
            for i, row in enumerate(cholesky):
                for j, value in enumerate(row):
                    name = f"factor_{first + i}_{first + j}"
                    entries[first + i, first + j] = pm.Deterministic(name, sds[i] * value)
    return model, entries


class Density:
    """Log density of the scales on the unconstrained space, with its gradient.

    Priors, transforms and their derivatives are PyTensor's; the likelihood is the kernel's, called from here and not
    from inside of PyTensor's function, which would compile it again for each model.
    """

    def __init__(self, matrices: Design, gathered: Statistics):
        import pymc as pm
        import pytensor
        import pytensor.tensor as pt
        from pytensor.compile.sharedvalue import SharedVariable
        from pytensor.graph.replace import clone_replace
        from pytensor.graph.traversal import ancestors

        from partialpool.marginal.softplus import Softplus

        self.gathered, self.q = gathered, matrices.z.shape[1]
        self.model, entries = scales_model(matrices, gathered)
        self.places = np.array(list(entries), dtype=np.int64).reshape(-1, 2)
        self.variables = [self.model["sigma"], *entries.values()]
        everything = self.model.unobserved_RVs
        self.shapes = {v.name: self._shape(v) for v in everything}
        self.dimensions = sum(_size(self._shape(v)) for v in self.model.free_RVs)
        # Numbers in, numbers out, which compiles fastest: a vector of the unconstrained values, of a weight for each
        # scale of which the gradient is wanted, and of the sizes of transforms; and one of the log prior, the gradient,
        # the scales and all variables. Models that differ in numbers only share what is compiled.
        vector = pt.dvector()
        places, pieces = count(), {}

        def piece(shape):
            """A variable that will be a piece of the vector; a leaf until all is built, since cloning copies others."""
            place = [vector[next(places)] for _ in range(_size(shape))]
            leaf = pt.tensor(shape=shape, dtype="float64")
            pieces[leaf] = pt.stack(place) if shape else place[0]
            return leaf

        def entries_of(variable, shape):
            return [variable[i] for i in range(_size(shape))] if shape else [variable]

        free = {variable: piece(self._shape(variable)) for variable in self.model.free_RVs}
        weights = [piece(()) for _ in self.variables]
        prior, values, sizes = 0.0, {}, []
        for variable, x in free.items():
            transform, parameters = self.model.rvs_to_transforms[variable], variable.owner.inputs
            if isinstance(transform, Softplus):
                sizes.append(np.ravel(transform.size))
                transform = Softplus(piece(np.shape(transform.size)))
            values[variable] = transform.backward(x, *parameters)
            density = pm.logp(variable, values[variable]) + transform.log_jac_det(x, *parameters)
            prior += density.sum()
        scales, outputs = clone_replace(self.variables, values), clone_replace(everything, values)
        gradients = pytensor.grad(prior + sum(w * s for w, s in zip(weights, scales, strict=True)), list(free.values()))
        wanted = [prior]
        for variable, gradient in zip(free, gradients, strict=True):
            wanted += entries_of(gradient, self._shape(variable))
        wanted += scales
        for variable, shape in zip(outputs, self.shapes.values(), strict=True):
            wanted += entries_of(variable, shape)
        self.sizes = np.concatenate(sizes)
        lengths = {v: pt.constant(v.get_value()) for v in ancestors(wanted) if isinstance(v, SharedVariable)}
        function = pytensor.function([vector], pt.stack(clone_replace(wanted, pieces | lengths)), mode="NUMBA")
        self.compiled = function.vm.jit_fn

    def _shape(self, variable) -> tuple[int, ...]:
        return tuple(len(self.model.coords[dim]) for dim in self.model.named_vars_to_dims.get(variable.name, ()))

    def __call__(self, x: np.ndarray, weights: np.ndarray | None = None) -> list[np.ndarray]:
        """Log prior (1,), its gradient with that of the weighted scales, the scales, and all variables, flat."""
        scales = len(self.variables)
        given = np.concatenate([x, np.zeros(scales) if weights is None else weights, self.sizes])
        (found,) = self.compiled(given)
        return np.split(found, [1, 1 + self.dimensions, 1 + self.dimensions + scales])

    def expand(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """All variables by name, (..., shape), at unconstrained values (..., dimensions)."""
        flat = np.array([self(row)[3] for row in x.reshape(-1, self.dimensions)])
        pieces = np.split(flat, np.cumsum([_size(shape) for shape in self.shapes.values()])[:-1], axis=1)
        return {
            name: piece.reshape(*x.shape[:-1], *shape)
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }

    def likelihood(self, sigma: float, entries: list[float]) -> tuple[float, np.ndarray]:
        """Marginal log likelihood, and its gradient with respect to sigma and the entries of the factor."""
        factor = np.zeros((self.q, self.q))
        factor[*self.places.T] = entries
        value, d_sigma, d_factor = self.gathered.log_likelihood(sigma, factor)
        return value, np.array([d_sigma, *d_factor[*self.places.T]])

    def gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Log density at unconstrained values, and its gradient, (dimensions,)."""
        prior, _, scales, _ = self(x)
        likelihood, weights = self.likelihood(scales[0], scales[1:])
        return prior[0] + likelihood, self(x, weights)[1]

    @cached_property
    def frame(self) -> tuple[np.ndarray, np.ndarray]:
        """Mode and a factor S of the inverse of the curvature there, S S': the density of z in mode + S z is round.

        Not round enough to do without warmup, but enough for few steps of it to be lost.
        """
        from scipy.optimize import minimize

        def negative(x):
            value, slope = self.gradient(x)
            return (-value, -slope) if np.isfinite(value) else (np.inf, np.zeros_like(x))

        found = minimize(negative, np.zeros(self.dimensions), jac=True, method="BFGS", options={"maxiter": 100})
        d, mode, spread = self.dimensions, found.x, np.sqrt(np.abs(np.diag(found.hess_inv)))
        curvature = np.empty((d, d))
        for i, step in enumerate(0.1 * np.clip(spread, 1e-6, 1)):
            away = step * np.eye(d)[i]
            curvature[i] = (negative(mode + away)[1] - negative(mode - away)[1]) / (2 * step)
        # Where the density is flat, curves upwards or ends, a unit is as good a scale as any.
        values, vectors = np.linalg.eigh(np.nan_to_num((curvature + curvature.T) / 2, posinf=0, neginf=0))
        return mode, vectors / np.sqrt(np.where(values > 1, values, 1))

    @cached_property
    def record(self) -> np.ndarray:
        """What the kernel's C function must know of the model; it must not outlive this object."""
        import numba

        compiled, outside = self.compiled, 1 + self.dimensions + len(self.variables)
        inside = outside - 1 + len(self.sizes)

        @numba.cfunc(numba.types.void(NUMBERS, NUMBERS))
        def prior(x, out):
            (found,) = compiled(numba.carray(x, (inside,)))
            for i in range(outside):
                out[i] = found[i]

        gathered = self.gathered
        operations, layout = gathered.program
        self._kept = {
            "frame": np.vstack(self.frame),
            "sizes": self.sizes,
            "places": self.places,
            "operations": operations,
            "layout": layout,
            "units": gathered.units,
            "rest": gathered.rest,
            "mean": gathered.mean,
        }
        self._prior = prior
        record = np.zeros(1, MODEL)
        for name, array in self._kept.items():
            record[f"{name}_at"] = array.ctypes.data
        record["prior_at"] = prior.address
        record["dimensions"], record["scales"], record["sizes"] = self.dimensions, len(self.variables), len(self.sizes)
        record["q"], record["p"], record["operations"] = self.q, len(gathered.mean), len(operations)
        record["blocks"], record["inputs"] = gathered.units.shape[:2]
        return record


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape))


def factors(matrices: Design, scales: dict[str, np.ndarray]) -> np.ndarray:
    """Cholesky factors (draws, q, q) from draws (chain, draw) of their entries."""
    q = matrices.z.shape[1]
    found = np.zeros((scales["sigma"].size, q, q))
    for i, j in np.ndindex(q, q):
        if f"factor_{i}_{j}" in scales:
            found[:, i, j] = scales[f"factor_{i}_{j}"].ravel()
    return found
