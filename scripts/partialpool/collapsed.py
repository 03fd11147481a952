"""The collapsed engine: Gaussian multilevel models with every coefficient integrated out.

Given the scales (sigma, the standard deviations, the correlations) all coefficients are jointly normal with the
outcome, so their integral is known in closed form (``collapsed_kernel``). NUTS moves over the scales alone; then each
coefficient is drawn from its exact conditional distribution, and leave-one-out densities given the scales follow by
algebra.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, count

import numpy as np
import pandas as pd

from partialpool import collapsed_kernel as kernel
from partialpool import models
from partialpool.priors import parse_priors
from partialpool.progress import draw_by_draw, from_nutpie

# Numbers (8 bytes each): more than LARGE are not kept of one fit, of what is thinned about MODERATE are; and CHUNK are
# worked on at a time.
LARGE, MODERATE, CHUNK = 10**8, 10**7, 10**6


class NotCollapsible(Exception):
    """Why a model cannot be collapsed, in words."""


@dataclass(frozen=True)
class Block:
    """The effects of one bar: their Bambi terms, the columns of Z, and the name of their correlation."""

    terms: list
    columns: list[slice]
    correlation: str | None

    @property
    def coefficients(self) -> list[str]:
        return [name for term in self.terms for name in models.coefficient_names(term)]


@dataclass(frozen=True)
class Design:
    """A model as matrices.

    ``y`` (n,) without offsets; ``x`` (n, p), centred as Bambi centres it; ``prior_mean`` and ``prior_sd`` (p,) of its
    coefficients; ``z`` (n, q); ``codes`` (n,) which of ``levels`` a row belongs to; ``centre`` (p,) what was
    subtracted.
    """

    spec: dict
    model: object
    y: np.ndarray
    x: np.ndarray
    centre: np.ndarray
    prior_mean: np.ndarray
    prior_sd: np.ndarray
    z: np.ndarray
    codes: np.ndarray
    factor: str | None
    levels: list[str]
    blocks: list[Block]

    @cached_property
    def common_terms(self) -> list[tuple[str, dict[str, list], slice]]:
        """Name, coordinates and columns of each term of ``x``."""
        parent = _parent(self.model)
        terms = [parent.intercept_term] if parent.intercept_term else []
        terms += parent.common_terms.values()
        found, start = [], 0
        for term in terms:
            width = 1 if term.data.ndim == 1 else term.data.shape[1]
            coords = {name: list(values) for name, values in term.coords.items()} if width > 1 or term.coords else {}
            found.append((term.name, coords, slice(start, start + width)))
            start += width
        return found


def _parent(model):
    return model.parameters[model.family.likelihood.parent]


def design(spec: dict, rows: pd.DataFrame) -> Design:
    """Matrices of a model that can be collapsed.

    Parameters
    ----------
    spec
        The model's spec (``config.Study.fit_spec``).
    rows
        Its complete cases (``models.complete_cases``).

    Raises
    ------
    NotCollapsible
        With the term, prior or family that stands in the way.
    StudyError
        See ``models.build``.
    """
    if spec["family"] != "gaussian":
        raise NotCollapsible(f"its family is {spec['family']}, and only gaussian can be integrated")
    if spec["link"] not in (None, "identity"):
        raise NotCollapsible(f"its link is {spec['link']}, and only identity can be integrated")
    factors = {name.partition("|")[2] for names in models.bars(spec["formula"]) for name in names}
    if len(factors) > 1:
        raise NotCollapsible(f"its effects have several grouping factors: {', '.join(sorted(factors))}")
    factor = next(iter(factors), None)
    # Bambi makes a column of each person. It needs only know that there are people; who is who is known here.
    known = rows[factor].astype("category") if factor in rows and _only_groups(spec["formula"], factor) else None
    folded = rows if known is None else rows.assign(**{factor: pd.Categorical(known.cat.codes % 2)})
    model = models.build(spec, folded)
    parent = _parent(model)
    response = model.response_term
    for kind in ("censored", "constrained", "truncated", "weighted"):
        if getattr(response, f"is_{kind}"):
            raise NotCollapsible(f"its outcome is {kind}")

    named = [parent.intercept_term] if parent.intercept_term else []
    named += parent.common_terms.values()
    columns, means, sds = [], [], []
    for term in named:
        prior = term.prior
        if prior.name != "Normal":
            raise NotCollapsible(f"the prior of {term.name} is {prior.name}, and only Normal can be integrated")
        block = np.asarray(term.data, dtype=float).reshape(len(rows), -1)
        columns.append(block)
        means += [float(prior.args["mu"])] * block.shape[1]
        sds += [float(prior.args["sigma"])] * block.shape[1]
    x = np.column_stack(columns) if columns else np.empty((len(rows), 0))
    centre = np.zeros(x.shape[1])
    if parent.intercept_term and model.center_predictors:
        centre[1:] = x[:, 1:].mean(axis=0)
        x = x - centre
    y = np.asarray(response.data, dtype=float).ravel()
    for offset in parent.offset_terms.values():
        y = y - np.asarray(offset.data, dtype=float).ravel()

    effects, blocks = [], []
    for terms, correlation in models.blocks(spec["formula"], parent.group_specific_terms):
        slices = []
        for term in terms:
            predictor = np.asarray(term.predictor, dtype=float).reshape(len(rows), -1)
            start = sum(effect.shape[1] for effect in effects)
            slices.append(slice(start, start + predictor.shape[1]))
            effects.append(predictor)
        blocks.append(Block(terms, slices, correlation))
    if known is not None:
        codes, levels = known.cat.codes.to_numpy(np.int64), [str(level) for level in known.cat.categories]
    elif blocks:
        term = blocks[0].terms[0]
        codes, levels = np.asarray(term.group_index, np.int64), [str(level) for level in term.groups]
    else:
        codes, levels = np.zeros(len(rows), np.int64), []
    return Design(
        spec=spec,
        model=model,
        y=y,
        x=x,
        centre=centre,
        prior_mean=np.array(means),
        prior_sd=np.array(sds),
        z=np.column_stack(effects) if effects else np.empty((len(rows), 0)),
        codes=codes,
        factor=factor,
        levels=levels,
        blocks=blocks,
    )


def inner_coords(term) -> dict[str, list]:
    """Coordinates of the several effects of a group-specific term; empty if it has one."""
    return {dim: list(labels) for dim, labels in term.coords.items() if dim.endswith("__expr_dim")}


def _only_groups(formula: str, factor: str) -> bool:
    """Whether a variable appears in a formula only behind bars."""
    import re

    word = rf"(?<![\w.]){re.escape(factor)}(?![\w.])"
    return len(re.findall(word, formula)) == len(re.findall(rf"\|\s*{word}\s*\)", formula))


@dataclass(frozen=True)
class Statistics:
    """What the likelihood needs of the data: its size does not grow with the number of rows.

    ``people``, ``rest`` and ``mean`` are arguments of ``collapsed_kernel.log_likelihood``. Common coefficients are
    ``origin + basis b`` with b ~ N(``mean``, I), so that nothing large cancels: ``origin`` is close to their
    least-squares values. Without effects of people the basis makes X'X diagonal. ``xy`` (n, p + 1) are the rows in that
    basis.
    """

    q: int
    people: np.ndarray
    rest: np.ndarray
    mean: np.ndarray
    n: int
    origin: np.ndarray
    basis: np.ndarray
    xy: np.ndarray

    @cached_property
    def program(self) -> tuple[np.ndarray, np.ndarray]:
        """Operations and layout for ``collapsed_kernel.log_likelihood``."""
        if self.q == 0:
            return np.empty((0, 4), np.int64), np.array([0, 0, 0, self.n])
        operations, layout = kernel.likelihood_program(self.q, len(self.mean))
        return operations, np.array([*layout, self.n])

    def log_likelihood(self, sigma: float, factor: np.ndarray, c=None, b=None) -> tuple[float, float, np.ndarray]:
        """Log likelihood, and its gradient with respect to sigma and factor (``collapsed_kernel.log_likelihood``)."""
        if self.q == 0:
            return *kernel.log_likelihood_without_people(sigma, self.rest, self.mean, self.n), np.zeros((0, 0))
        p = len(self.mean)
        c, b = np.empty((p, p)) if c is None else c, np.empty(p) if b is None else b
        return kernel.log_likelihood(sigma, factor, *self.program, self.people, self.rest, self.mean, c, b)


def statistics(matrices: Design) -> Statistics:
    """Gather the statistics of a model in one pass over its rows."""
    x, y, z = matrices.x, matrices.y, matrices.z
    n, p, q = *x.shape, z.shape[1]
    precision = matrices.prior_sd**-2.0
    origin = np.linalg.solve(x.T @ x + np.diag(precision), x.T @ y + precision * matrices.prior_mean)
    basis = np.diag(matrices.prior_sd)
    if q == 0 and p > 0:
        triangle = np.linalg.qr(x * matrices.prior_sd, mode="r")
        basis = basis @ np.linalg.svd(triangle)[2].T
    mean = np.linalg.solve(basis, matrices.prior_mean - origin) if p else np.empty(0)
    xy = np.column_stack([x @ basis, y - x @ origin])
    people, rest = gather(matrices.codes, len(matrices.levels), z, xy) if q else (np.empty((0, 0, 0)), xy.T @ xy)
    return Statistics(q, people, rest, mean, n, origin, basis, xy)


def gather(codes: np.ndarray, people: int, z: np.ndarray, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Arguments ``people`` and ``rest`` of ``collapsed_kernel.log_likelihood``.

    Parameters
    ----------
    codes : (n,)
        Which person a row belongs to.
    people
        How many there are.
    z, xy : (n, q), (n, p + 1)
        Design of the effects; design of the common coefficients with the outcome behind.
    """
    q, columns = z.shape[1], xy.shape[1]
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(people + 1))
    found = np.zeros((people, q * (q + 1) // 2 + q * columns))
    rest = np.zeros((columns, columns))
    for which, triangle in triangles(starts, order, np.column_stack([z, xy])):
        found[which] = np.concatenate(
            [triangle[:, :q, :q][:, *np.triu_indices(q)], triangle[:, :q, q:].reshape(len(which), -1)], axis=1
        )
        outside = triangle[:, q:, q:].reshape(-1, columns)
        rest += outside.T @ outside
    return in_blocks(found), rest


def triangles(starts: np.ndarray, order: np.ndarray, rows: np.ndarray):
    """R of a QR decomposition of each set of rows, sets of the same size together.

    Parameters
    ----------
    starts : (sets + 1,)
        Where the rows of each set begin in ``order``.
    order : (n,)
        Rows, set by set.
    rows : (n, k)
        What to decompose.

    Yields
    ------
    which : (some,)
        Sets.
    triangle : (some, k, k)
        Upper triangular; rows of zeros below those that a set has.
    """
    k = rows.shape[1]
    sizes = np.diff(starts)
    by_size = np.argsort(sizes, kind="stable")
    for same in np.split(by_size, np.flatnonzero(np.diff(sizes[by_size])) + 1):
        size = sizes[same[0]] if len(same) else 0
        for which in np.array_split(same, -(-len(same) * size * k // CHUNK)) if size else ():
            own = rows[order[starts[which][:, None] + np.arange(size)]]
            triangle = np.zeros((len(which), k, k))
            triangle[:, : min(size, k)] = np.linalg.qr(own, mode="r") if size > 1 else own
            yield which, triangle


def in_blocks(values: np.ndarray) -> np.ndarray:
    """Numbers of people, (people, k), as the kernel reads them: (blocks, k, LANES), filled up with zeros."""
    blocks = -(-len(values) // kernel.LANES)
    filled = np.zeros((blocks * kernel.LANES, values.shape[1]))
    filled[: len(values)] = values
    return np.ascontiguousarray(filled.reshape(blocks, kernel.LANES, -1).transpose(0, 2, 1))


# ------------------------------------------------------------------------------------------------ the scales


def resolution(matrices: Design, gathered: Statistics) -> tuple[float, np.ndarray]:
    """Rough sizes of the scales: of sigma, and the sd of each effect that the data could just tell from 0.

    The latter, (q,), is the standard error of one person's effect times (2 / people)^(1/4).
    """
    spread = np.sqrt(np.mean(gathered.xy[:, -1] ** 2)) or 1.0
    information = (matrices.z**2).sum(axis=0) / max(len(matrices.levels), 1)
    people = max(len(matrices.levels), 1)
    return spread, spread / np.sqrt(np.where(information > 0, information, 1.0)) * (2 / people) ** 0.25


def scales_model(matrices: Design, gathered: Statistics):
    """PyMC model of the scales without the likelihood.

    Standard deviations are moved on a scale that is linear where the data tell them from 0 and logarithmic below
    (a softplus): a posterior that reaches 0 is then close to normal, and NUTS needs fewer steps.

    Returns
    -------
    pymc.Model
        Priors and correlations under Bambi's names: ``sigma``, ``1|person_sigma``, ``cor_person``.
    dict
        Variables of the entries (row, column) of the Cholesky factor (q, q) of the covariance of a person's effects.
    """
    import pymc as pm

    from partialpool.softplus import Softplus

    def scale(name, prior, size, **options):
        return getattr(pm, prior.name)(name, **prior.args, **options, initval=size, default_transform=Softplus(size))

    entries = {}
    spread, smallest = resolution(matrices, gathered)
    with pm.Model() as model:
        scale("sigma", matrices.model.marginal_parameters["sigma"].prior, spread)
        for block in matrices.blocks:
            sds = []
            for term, columns in zip(block.terms, block.columns, strict=True):
                levels = inner_coords(term)
                model.add_coords({k: v for k, v in levels.items() if k not in model.coords})
                size = smallest[columns] if levels else smallest[columns.start]
                sd = scale(f"{term.name}_sigma", term.prior.args["sigma"], size, dims=tuple(levels) or None)
                sds += [sd[i] for i in range(len(models.coefficient_names(term)))] if levels else [sd]
            cholesky = [[1.0]]
            if block.correlation:
                eta = dict(parse_priors(matrices.spec["priors"])["cor"].args)["eta"]
                cholesky = models.correlation_cholesky(block.correlation, block.coefficients, eta)
            first = block.columns[0].start
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

        from partialpool.softplus import Softplus

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
        """Collapsed log likelihood, and its gradient with respect to sigma and the entries of the factor."""
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

        @numba.cfunc(numba.types.void(kernel.NUMBERS, kernel.NUMBERS))
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
            "people": gathered.people,
            "rest": gathered.rest,
            "mean": gathered.mean,
        }
        self._prior = prior
        record = np.zeros(1, kernel.MODEL)
        for name, array in self._kept.items():
            record[f"{name}_at"] = array.ctypes.data
        record["prior_at"] = prior.address
        record["dimensions"], record["scales"], record["sizes"] = self.dimensions, len(self.variables), len(self.sizes)
        record["q"], record["p"], record["operations"] = self.q, len(gathered.mean), len(operations)
        record["blocks"], record["inputs"] = gathered.people.shape[:2]
        return record


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape))


# ------------------------------------------------------------------------------------------------ sampling


def sample_scales(density: Density, spec: dict, *, cores: int, progress=None):
    """NUTS over the scales.

    Returns
    -------
    dict
        Draws of all variables of the density's model, (chain, draw, ...).
    Dataset
        Statistics of the sampler, (chain, draw).
    """
    settings = {"draws": spec["draws"], "tune": spec["warmup"], "chains": spec["chains"], "cores": cores}
    if spec["sampler"] == "pymc":
        return _sample_with_pymc(density, spec, settings, progress)
    import nutpie
    from nutpie.compile_pymc import CompiledPyMCModel

    mode, root = density.frame
    target = CompiledPyMCModel(
        _n_dim=density.dimensions,
        dims={},
        _coords={},
        _shapes={"x": (density.dimensions,)},
        compiled_logp_func=kernel.density,
        compiled_expand_func=kernel.identity,
        # Two standard deviations to each side of the mode, roughly.
        initial_point_func=lambda seed: np.random.default_rng(seed).uniform(-2, 2, len(mode)),
        shared_data={},
        shared_var_keys={},
        user_data=density.record,
        n_expanded=density.dimensions,
        shape_info=(["x"], [slice(0, density.dimensions)], [(density.dimensions,)]),
        logp_func=None,
        expand_func=None,
        reparameterized_names=None,
    )
    tree = nutpie.sample(
        target,
        seed=spec["seed"],
        target_accept=spec["target_accept"],
        progress_bar=False,
        progress_callback=progress and (lambda chains: progress(from_nutpie(chains))),
        **settings,
    )
    return density.expand(mode + tree["posterior"]["x"].to_numpy() @ root.T), tree["sample_stats"].to_dataset()


def _sample_with_pymc(density: Density, spec: dict, settings: dict, progress):
    import pymc as pm
    import pytensor.tensor as pt
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op

    class CollapsedLogLikelihood(Op):
        """(sigma, entries of the factor) -> log likelihood and its gradient, (1 + entries,)."""

        def make_node(self, *scales):
            return Apply(self, list(scales), [pt.dscalar(), pt.dvector()])

        def perform(self, node, inputs, outputs):
            value, gradient = density.likelihood(float(inputs[0]), [float(entry) for entry in inputs[1:]])
            outputs[0][0], outputs[1][0] = np.asarray(value), gradient

        def pullback(self, inputs, outputs, cotangents):
            return [cotangents[0] * outputs[1][i] for i in range(len(inputs))]

    with density.model:
        pm.Potential("collapsed", CollapsedLogLikelihood()(*density.variables)[0])
        tree = pm.sample(
            nuts_sampler="pymc",
            random_seed=spec["seed"],
            nuts={"target_accept": spec["target_accept"]},
            progressbar=False,
            callback=progress and draw_by_draw(progress, spec),
            compute_convergence_checks=False,
            **settings,
        )
    posterior = tree["posterior"]
    return {name: posterior[name].to_numpy() for name in density.shapes}, tree["sample_stats"].to_dataset()


# ------------------------------------------------------------------------------------------------ the whole fit


def factors(matrices: Design, scales: dict[str, np.ndarray]) -> np.ndarray:
    """Cholesky factors (draws, q, q) from draws (chain, draw) of their entries."""
    q = matrices.z.shape[1]
    found = np.zeros((scales["sigma"].size, q, q))
    for i, j in np.ndindex(q, q):
        if f"factor_{i}_{j}" in scales:
            found[:, i, j] = scales[f"factor_{i}_{j}"].ravel()
    return found


def conditions(gathered: Statistics, sigma: np.ndarray, factor: np.ndarray, cores: int = 1) -> tuple:
    """Posterior of the common coefficients (in the basis of the statistics) given draws of the scales.

    Returns
    -------
    mean : (draws, p)
    cholesky : (draws, p, p)
        Of the precision; (draws, p), its diagonal, in a model without effects of people.
    """
    p = len(gathered.mean)
    if gathered.q == 0:
        squares, cross = np.diag(gathered.rest)[:-1], gathered.rest[:-1, -1]
        precision = 1 + squares / sigma[:, None] ** 2
        return (gathered.mean + cross / sigma[:, None] ** 2) / precision, np.sqrt(precision)
    mean, cholesky = np.empty((len(sigma), p)), np.empty((len(sigma), p, p))

    def chunk(draws: np.ndarray) -> None:
        for draw in draws:
            gathered.log_likelihood(sigma[draw], factor[draw], cholesky[draw], mean[draw])

    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(chunk, np.array_split(np.arange(len(sigma)), cores)))
    return mean, cholesky


def scalars(sigma: np.ndarray, factor: np.ndarray, *more: np.ndarray) -> np.ndarray:
    """What the kernel's programs begin with, (draws, scalars)."""
    entries = factor[:, *np.tril_indices(factor.shape[1])]
    columns = [np.zeros_like(sigma), np.ones_like(sigma), sigma**2, sigma**-2.0]
    return np.column_stack([*columns, entries, *more])


def fit(matrices: Design, rows: pd.DataFrame, *, cores: int, progress=None) -> dict:
    """Sample the scales, draw all coefficients given them, and all that ``sampling.fit`` returns.

    Parameters
    ----------
    matrices
        From ``design``.
    rows
        Complete cases.
    cores, progress
        See ``sampling.fit``.

    Returns
    -------
    dict
        Datasets ``posterior``, ``sample_stats``, ``log_likelihood``, ``posterior_predictive``, ``observed_data``. In a
        large study ``person_effects`` (statistic, ..., people) takes the place of each person's draws, and what is kept
        by row is thinned.
    """
    import xarray as xr

    spec, model = matrices.spec, matrices.model
    gathered = statistics(matrices)
    density = Density(matrices, gathered)
    scales, stats = sample_scales(density, spec, cores=cores, progress=progress)
    chains, draws = shape = scales["sigma"].shape
    sigma, factor = scales["sigma"].ravel(), factors(matrices, scales)
    common_rng, effects_rng, outcome_rng, people_rng = np.random.default_rng(spec["seed"]).spawn(4)

    b, cholesky = conditions(gathered, sigma, factor, cores)
    normal = common_rng.standard_normal(b.shape)
    if gathered.q:
        b = b + np.linalg.solve(cholesky.transpose(0, 2, 1), normal[..., None])[..., 0]
    else:
        b = b + normal / cholesky
    coefficients = gathered.origin + b @ gathered.basis.T

    # By row, and of each person, so many draws as memory has room for: all of them in any but a large study.
    size = matrices.z.shape[1] * len(matrices.levels) + 2 * len(rows)
    summary = spec["person_effects"] == "summary" or (spec["person_effects"] == "auto" and sigma.size * size > LARGE)
    room = max(MODERATE // (chains * len(rows)), 1) if summary else draws
    kept = thinned(shape, room)
    effects = draw_effects(gathered, sigma[kept], factor[kept], b[kept], slice(None), effects_rng, len(matrices.levels))
    mean = coefficients[kept] @ matrices.x.T
    for k in range(matrices.z.shape[1]):
        mean += effects[:, matrices.codes, k] * matrices.z[:, k]
    # In place: these are the largest arrays of a fit.
    observed = np.asarray(model.response_term.data, dtype=float).ravel()
    predicted = outcome_rng.standard_normal(mean.shape)
    predicted *= sigma[kept, None]
    predicted += mean
    predicted += observed - matrices.y
    log_likelihood = np.subtract(matrices.y, mean, out=mean)
    log_likelihood /= sigma[kept, None]
    log_likelihood **= 2
    log_likelihood *= -0.5
    log_likelihood -= 0.5 * np.log(2 * np.pi) + np.log(sigma[kept, None])

    # The intercept at predictors = 0, where Bambi's is at their means.
    coefficients[:, :1] -= coefficients @ matrices.centre[:, None]
    variables, coords = {}, {}

    def keep(name: str, values: np.ndarray, levels: dict[str, list]) -> None:
        sizes = [len(labels) for labels in levels.values()]
        variables[name] = (("chain", "draw", *levels), values.reshape(*shape, *sizes))
        coords.update({dim: np.array(labels, dtype=object) for dim, labels in levels.items()})

    for name, levels, columns in matrices.common_terms:
        keep(name, coefficients[:, columns], levels)
    keep("sigma", scales["sigma"], {})
    terms = [pair for block in matrices.blocks for pair in zip(block.terms, block.columns, strict=True)]
    for term, _ in terms:
        keep(f"{term.name}_sigma", scales[f"{term.name}_sigma"], inner_coords(term))
    for block in matrices.blocks:
        if block.correlation:
            dim = f"{block.correlation}_dim"
            keep(block.correlation, scales[block.correlation], {dim: list(density.model.coords[dim])})
    people = {f"{matrices.factor}__factor_dim": matrices.levels}
    groups = {}
    if summary:
        found = summarise_effects(gathered, sigma, factor, b, shape, people_rng, matrices, cores)
        groups["person_effects"] = _summaries(found, terms, people)
    else:
        for term, columns in terms:
            keep(term.name, effects[:, :, columns].transpose(0, 2, 1), inner_coords(term) | people)
    index = {"__obs__": np.arange(len(rows))}
    by_draw = {"chain": np.arange(chains), "draw": kept.reshape(chains, -1)[0]}

    def by_row(values: np.ndarray) -> xr.Dataset:
        values = values.reshape(chains, -1, len(rows))
        return xr.Dataset({model.response_term.name: (("chain", "draw", "__obs__"), values)}, by_draw | index)

    return groups | {
        "posterior": xr.Dataset(variables, {"chain": np.arange(chains), "draw": np.arange(draws)} | coords),
        "sample_stats": stats,
        "log_likelihood": by_row(log_likelihood),
        "posterior_predictive": by_row(predicted),
        "observed_data": xr.Dataset({model.response_term.name: ("__obs__", observed)}, index),
    }


def thinned(shape: tuple[int, int], most: int) -> np.ndarray:
    """Positions of at most so many draws of each chain, evenly spaced, among all draws; ``shape`` is (chain, draw)."""
    chains, draws = shape
    within = np.linspace(0, draws - 1, min(most, draws)).round().astype(int)
    return (np.arange(chains)[:, None] * draws + within).ravel()


def draw_effects(gathered: Statistics, sigma, factor, b, blocks: slice, rng, people: int) -> np.ndarray:
    """Exact draws of the effects of some blocks of people given scales and common coefficients, (draws, people, q)."""
    q, inputs = gathered.q, gathered.people[blocks]
    effects = rng.standard_normal((len(sigma), len(inputs), q, kernel.LANES))
    if q:
        program = kernel.effects_program(q, b.shape[1])
        kernel.evaluate(*program, scalars(sigma, factor, b), inputs, effects, effects)
    return effects.transpose(0, 1, 3, 2).reshape(len(sigma), len(inputs) * kernel.LANES, q)[:, :people]


def summarise_effects(gathered, sigma, factor, b, shape, rng, matrices: Design, cores: int) -> np.ndarray:
    """Mean, sd, 2.5 % and 97.5 % quantile of each effect, (statistic, q, people), from up to 1000 draws.

    Some blocks of people at a time, so that memory does not grow with the number of people.
    """
    some = thinned(shape, -(-1000 // shape[0]))
    sigma, factor, b = sigma[some], factor[some], b[some]
    people, q, size = len(matrices.levels), matrices.z.shape[1], kernel.LANES
    step = max(1, CHUNK // (len(sigma) * size * q))
    starts = range(0, len(gathered.people), step)

    def chunk(start: int, own_rng) -> np.ndarray:
        inside = min(step * size, people - start * size)
        effects = draw_effects(gathered, sigma, factor, b, slice(start, start + step), own_rng, inside)
        effects = np.ascontiguousarray(effects.transpose(2, 1, 0))
        quantiles = np.quantile(effects, [0.025, 0.975], axis=-1)
        return np.stack([effects.mean(axis=-1), effects.std(axis=-1, ddof=1), *quantiles])

    with ThreadPoolExecutor(cores) as pool:
        return np.concatenate(list(pool.map(chunk, starts, rng.spawn(len(starts)))), axis=-1)


def _summaries(found: np.ndarray, terms: list, people: dict[str, list]):
    import xarray as xr

    variables, coords = {}, {"statistic": np.array(["mean", "sd", "q2.5", "q97.5"], dtype=object)}
    for term, columns in terms:
        levels = inner_coords(term) | people
        coords |= {dim: np.array(labels, dtype=object) for dim, labels in levels.items()}
        sizes = [len(labels) for labels in levels.values()]
        variables[term.name] = (("statistic", *levels), found[:, columns].reshape(4, *sizes))
    return xr.Dataset(variables, coords)


# ------------------------------------------------------------------------------------------------ cross-validation


def factors_of(posterior, matrices: Design) -> np.ndarray:
    """Cholesky factors (draws, q, q) of the covariance of a person's effects, from a fit by any engine."""
    q = matrices.z.shape[1]
    draws = posterior.sizes["chain"] * posterior.sizes["draw"]
    sd, correlation = np.empty((draws, q)), np.tile(np.eye(q), (draws, 1, 1))

    def values(name):
        return posterior[name].transpose("chain", "draw", ...).to_numpy().reshape(draws, -1)

    for block in matrices.blocks:
        for term, columns in zip(block.terms, block.columns, strict=True):
            sd[:, columns] = values(f"{term.name}_sigma")
        first, width = block.columns[0].start, len(block.coefficients)
        if block.correlation:
            for (i, j), value in zip(combinations(range(width), 2), values(block.correlation).T, strict=True):
                correlation[:, first + j, first + i] = value
    # Row by row, and not by a factorisation, which fails where a correlation has been rounded to one.
    factor = np.zeros((draws, q, q))
    for j in range(q):
        left = np.ones(draws)
        for k in range(j):
            known = (factor[:, j, :k] * factor[:, k, :k]).sum(axis=1)
            diagonal = factor[:, k, k]
            entry = np.divide(correlation[:, j, k] - known, diagonal, out=np.zeros(draws), where=diagonal > 0)
            factor[:, j, k] = np.clip(entry, -np.sqrt(left), np.sqrt(left))
            left = np.maximum(left - factor[:, j, k] ** 2, 0)
        factor[:, j, j] = np.sqrt(left)
    return factor * sd[:, :, None]


def leave_out(matrices: Design, posterior, subsets: np.ndarray) -> np.ndarray:
    """Log density of each subset of rows given all other rows and the scales, with all coefficients integrated out.

    Parameters
    ----------
    matrices
        From ``design``.
    posterior
        Dataset of a fit of the model, by any engine.
    subsets : (n,)
        Which subset a row belongs to, 0, 1, ... without a gap.

    Returns
    -------
    (chain, draw, subsets), in nats
        With all draws, or so many that there are about 10^8 numbers.

    Raises
    ------
    NotCollapsible
        If the rows of a subset belong to several members of the grouping factor.
    """
    # The scales are few, and known well in a large study: then some draws of them do.
    shape = posterior.sizes["chain"], posterior.sizes["draw"]
    posterior = posterior.isel(draw=thinned((1, shape[1]), max(100, LARGE // (shape[0] * (int(subsets.max()) + 1)))))
    sigma, factor = posterior["sigma"].transpose("chain", "draw").to_numpy(), factors_of(posterior, matrices)
    found = left_out(statistics(matrices), matrices.z, matrices.codes, sigma.ravel(), factor, subsets)
    if found is None:
        raise NotCollapsible(f"what is left out together belongs to several members of {matrices.factor}")
    return found.reshape(*sigma.shape, -1)


def left_out(gathered: Statistics, z, codes, sigma, factor, subsets) -> np.ndarray | None:
    """``leave_out`` given draws of the scales, (draws, subsets); None if a subset has rows of several people."""
    # Subsets in the order of the people they belong to.
    order = np.lexsort((subsets, codes))
    starts = np.flatnonzero(np.diff(subsets[order], prepend=-1))
    which, person = subsets[order[starts]], codes[order[starts]]
    if len(np.unique(which)) < len(which):
        return None
    b, cholesky = conditions(gathered, sigma, factor)
    densities = np.empty((len(sigma), len(which)))
    leave = _leave_out_of_people if gathered.q else _leave_out_without_people
    for some, rows, spare, squares in compress(np.append(starts, len(order)), order, z, gathered.xy):
        for draws in np.array_split(np.arange(len(sigma)), -(-rows.size * len(sigma) // CHUNK)):
            given = gathered, sigma[draws], factor[draws], b[draws], cholesky[draws]
            determinant, quadratic = leave(*given, person[some], rows)
            variance = sigma[draws, None] ** 2
            constant = (rows.shape[1] + spare) * np.log(2 * np.pi * variance)
            value = -0.5 * (constant - np.log(determinant) + (quadratic + squares) / variance)
            densities[draws[:, None], which[some]] = value
    return densities


def compress(starts: np.ndarray, order: np.ndarray, z: np.ndarray, xy: np.ndarray):
    """Rows of each subset in as few rows as have the same likelihood.

    Parameters
    ----------
    starts : (subsets + 1,)
        Where the rows of each subset begin in ``order``.
    order, z, xy
        See ``gather``.

    Yields
    ------
    subsets : (some,)
        Subsets with the same number of rows.
    rows : (some, m, q + p + 1)
        Their rows; m is at most q + p.
    spare, squares : (), (some,)
        How many rows without any design each has beside these, and the sum of squares of their outcomes.
    """
    design = z.shape[1] + xy.shape[1] - 1
    for which, triangle in triangles(starts, order, np.column_stack([z, xy])):
        size = starts[which[0] + 1] - starts[which[0]]
        yield which, triangle[:, : min(size, design)], max(size - design, 0), triangle[:, design, design] ** 2


def _leave_out_of_people(gathered: Statistics, sigma, factor, b, cholesky, person, rows):
    """|I - H| and e'(I - H)^-1 e of rows left out (``collapsed_kernel.leave_out_program``), both (draws, subsets).

    ``rows`` (subsets, m, q + p + 1) belong to ``person`` (subsets,).
    """
    p, q, m = b.shape[1], gathered.q, rows.shape[1]
    lower = np.tril_indices(p)
    inverted = np.where(np.eye(p, dtype=bool), 1 / np.where(cholesky == 0, 1, cholesky), cholesky)[:, *lower]
    program = kernel.leave_out_program(q, p, m)
    of_people = gathered.people.transpose(0, 2, 1).reshape(-1, gathered.people.shape[1])
    own = [of_people[person], rows[:, :, :q].reshape(len(rows), -1), rows[:, :, q:].reshape(len(rows), -1)]
    inputs = in_blocks(np.concatenate(own, axis=1))
    nothing = np.empty((len(sigma), len(inputs), 0, kernel.LANES))
    return _evaluated(program, scalars(sigma, factor, b, inverted), inputs, nothing)[:, :, : len(rows)]


def _leave_out_without_people(gathered: Statistics, sigma, factor, b, cholesky, person, rows):
    """The same where no effect belongs to a person; ``cholesky`` is diagonal, (draws, p)."""
    draws, (subsets, m) = len(sigma), rows.shape[:2]
    blocks = -(-subsets // kernel.LANES)
    inputs = np.zeros((m * (m + 1) // 2 + m, draws, blocks * kernel.LANES))
    precision, place = (sigma[:, None] * cholesky) ** -2.0, 0
    for t in range(m):
        for s in range(t + 1):
            inputs[place, :, :subsets] = float(s == t) - precision @ (rows[:, t, :-1] * rows[:, s, :-1]).T
            place += 1
    for t in range(m):
        inputs[place + t, :, :subsets] = rows[:, t, -1] - b @ rows[:, t, :-1].T
    varying = inputs.reshape(len(inputs), draws, blocks, kernel.LANES).transpose(1, 2, 0, 3)
    program = kernel.given_others_program(m)
    nothing = np.empty((blocks, 0, kernel.LANES))
    return _evaluated(program, scalars(sigma, factor), nothing, np.ascontiguousarray(varying))[:, :, :subsets]


def _evaluated(program: tuple, draws: np.ndarray, inputs: np.ndarray, varying: np.ndarray) -> np.ndarray:
    """Two outputs of a program, (2, draws, people)."""
    found = np.empty((len(draws), len(inputs), 2, kernel.LANES))
    kernel.evaluate(*program, draws, inputs, varying, found)
    return found.transpose(2, 0, 1, 3).reshape(2, len(draws), -1)
