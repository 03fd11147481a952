"""The collapsed engine: Gaussian multilevel models with every coefficient integrated out.

Given the scales (sigma, the standard deviations, the correlations) all coefficients are jointly normal with the
outcome, so their integral is known in closed form (``collapsed_kernel``). NUTS moves over the scales alone; then each
coefficient is drawn from its exact conditional distribution, and leave-one-out densities given the scales follow by
algebra.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd

from partialpool import collapsed_kernel as kernel
from partialpool import models
from partialpool.priors import parse_priors

# People of a block of the kernel: enough for vector instructions, few enough for the cache of the processor.
BLOCK = 128
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

    Common coefficients are ``origin + basis b`` with b ~ N(``mean``, I), so that nothing large cancels: ``origin`` is
    close to their least-squares values. Without effects of people the basis makes X'X diagonal.
    """

    r: np.ndarray
    y: np.ndarray
    rest: np.ndarray
    mean: np.ndarray
    n: int
    origin: np.ndarray
    basis: np.ndarray
    xy: np.ndarray

    @property
    def arrays(self) -> tuple:
        """Arguments of the kernel behind the scales."""
        return self.r, self.y, self.rest, self.mean, self.n


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
    order = np.argsort(matrices.codes, kind="stable")
    people = len(matrices.levels)
    starts = np.searchsorted(matrices.codes[order], np.arange(people + 1))
    size = min(BLOCK, people)
    blocks = -(-people // size) if people else 0
    r, reduced, rest = np.zeros((blocks, q, q, size)), np.zeros((blocks, q, p + 1, size)), np.zeros((p + 1, p + 1))
    if people:
        kernel.gather(starts, order, z, xy, r, reduced, rest)
    else:
        rest[:] = xy.T @ xy
    return Statistics(r, reduced, rest, mean, n, origin, basis, xy)


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
        import pytensor
        import pytensor.tensor as pt
        from pytensor.compile.sharedvalue import SharedVariable
        from pytensor.graph.replace import clone_replace
        from pytensor.graph.traversal import ancestors

        self.arrays, self.q = gathered.arrays, matrices.z.shape[1]
        self.model, entries = scales_model(matrices, gathered)
        self.places = np.array(list(entries), dtype=np.int64).reshape(-1, 2)
        self.variables = [self.model["sigma"], *entries.values()]
        values, everything = self.model.value_vars, self.model.unobserved_RVs
        start = self.model.initial_point()
        self.start = np.concatenate([start[v.name].ravel() for v in values])
        self.dimensions = self.start.size
        # One vector holds the unconstrained values, and a weight for each scale of which the gradient is wanted.
        vector = pt.dvector()
        weights = [vector[self.dimensions + i] for i in range(len(self.variables))]
        pieces, place = {}, 0
        for value in values:
            shape = start[value.name].shape
            pieces[value] = vector[place] if shape == () else vector[place : place + _size(shape)].reshape(shape)
            place += _size(shape)
        outputs = self.model.replace_rvs_by_values(everything)
        prior = self.model.logp()
        scales = self.model.replace_rvs_by_values(self.variables)
        gradients = pytensor.grad(prior + sum(w * s for w, s in zip(weights, scales, strict=True)), values)
        wanted = [prior, *gradients, *scales, *outputs]
        lengths = {v: pt.constant(v.get_value()) for v in ancestors(wanted) if isinstance(v, SharedVariable)}
        function = pytensor.function([vector], clone_replace(wanted, {**pieces, **lengths}), mode="NUMBA")
        self.compiled = function.vm.jit_fn
        self.shapes = {v.name: np.shape(value) for v, value in zip(everything, self._outputs(self.start), strict=True)}

    def _outputs(self, x: np.ndarray) -> tuple:
        """Values of all variables of the model."""
        vector = np.concatenate([x, np.zeros(len(self.variables))])
        return self.compiled(vector)[1 + len(self.model.value_vars) + len(self.variables) :]

    def expand(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """All variables by name, (..., shape), at unconstrained values (..., dimensions)."""
        flat = [self._outputs(row) for row in x.reshape(-1, self.dimensions)]
        columns = zip(*flat, strict=True)
        return {
            name: np.array(column).reshape(*x.shape[:-1], *shape)
            for (name, shape), column in zip(self.shapes.items(), columns, strict=True)
        }

    def likelihood(self, sigma: float, entries: list[float]) -> tuple[float, np.ndarray]:
        """Collapsed log likelihood, and its gradient with respect to sigma and the entries of the factor."""
        factor = np.zeros((self.q, self.q))
        factor[*self.places.T] = entries
        value, d_sigma, d_factor = kernel.log_likelihood(sigma, factor, *self.arrays)
        return value, np.array([d_sigma, *d_factor[*self.places.T]])

    def jittered(self, seed: int) -> np.ndarray:
        """Where a chain starts: PyMC's initial point, moved by up to 2 in each direction."""
        return self.start + np.random.default_rng(seed).uniform(-2, 2, self.dimensions)

    @cached_property
    def functions(self) -> tuple:
        """Density and identity as C functions, as nutpie calls them: no Python between two steps, no lock."""
        import numba

        from partialpool.collapsed_kernel import matrix_at

        double, integer = numba.types.CPointer(numba.types.double), numba.types.uint64
        compiled, d, q, places = self.compiled, self.dimensions, self.q, self.places
        *arrays, n = self.arrays
        # Addresses, because arrays would be copied into the machine code.
        r_at, y_at, rest_at, mean_at = (array.ctypes.data for array in arrays)
        r_shape, y_shape, rest_shape, mean_shape = (array.shape for array in arrays)
        scales = len(self.variables)

        @numba.cfunc(numba.types.int64(integer, double, double, double, numba.types.voidptr))
        def density(dimensions, x, gradient, value, data):
            vector = np.zeros(d + scales)
            for i in range(d):
                vector[i] = x[i]
            found = np.empty(1 + d + scales)
            kernel.flatten(compiled(vector), found)
            factor = np.zeros((q, q))
            for i in range(scales - 1):
                factor[places[i, 0], places[i, 1]] = found[2 + d + i]
            likelihood, d_sigma, d_factor = kernel.log_likelihood(
                found[1 + d],
                factor,
                numba.carray(matrix_at(r_at), r_shape, np.float64),
                numba.carray(matrix_at(y_at), y_shape, np.float64),
                numba.carray(matrix_at(rest_at), rest_shape, np.float64),
                numba.carray(matrix_at(mean_at), mean_shape, np.float64),
                n,
            )
            value[0] = found[0] + likelihood
            vector[d] = d_sigma
            for i in range(scales - 1):
                vector[d + 1 + i] = d_factor[places[i, 0], places[i, 1]]
            kernel.flatten(compiled(vector), found)
            finite = np.isfinite(value[0])
            for i in range(d):
                gradient[i] = found[1 + i]
                finite = finite and np.isfinite(gradient[i])
            return 0 if finite else 4

        @numba.cfunc(numba.types.int64(integer, integer, double, double, numba.types.voidptr))
        def identity(dimensions, expanded, x, out, data):
            for i in range(d):
                out[i] = x[i]
            return 0

        return density, identity


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape))


# ------------------------------------------------------------------------------------------------ sampling


def sample_scales(density: Density, spec: dict, *, cores: int, progress: bool):
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

    log_density, identity = density.functions
    target = CompiledPyMCModel(
        _n_dim=density.dimensions,
        dims={},
        _coords={},
        _shapes={"x": (density.dimensions,)},
        compiled_logp_func=log_density,
        compiled_expand_func=identity,
        initial_point_func=density.jittered,
        shared_data={},
        shared_var_keys={},
        user_data=np.zeros(1),
        n_expanded=density.dimensions,
        shape_info=(["x"], [slice(0, density.dimensions)], [(density.dimensions,)]),
        logp_func=None,
        expand_func=None,
        reparameterized_names=None,
    )
    tree = nutpie.sample(
        target, seed=spec["seed"], target_accept=spec["target_accept"], progress_bar=progress, **settings
    )
    return density.expand(tree["posterior"]["x"].to_numpy()), tree["sample_stats"].to_dataset()


def _sample_with_pymc(density: Density, spec: dict, settings: dict, progress: bool):
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
            progressbar=progress,
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


def conditions(gathered: Statistics, sigma: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Posterior of the common coefficients (in the basis of the statistics) given the scales.

    Returns
    -------
    mean : (draws, p)
    cholesky : (draws, p, p)
        Of the precision; (draws, p), its diagonal, in a model without effects of people.
    """
    if len(gathered.r):
        return kernel.conditions(sigma, factor, *gathered.arrays)
    squares, cross = np.diag(gathered.rest)[:-1], gathered.rest[:-1, -1]
    precision = 1 + squares / sigma[:, None] ** 2
    return (gathered.mean + cross / sigma[:, None] ** 2) / precision, np.sqrt(precision)


def fit(matrices: Design, rows: pd.DataFrame, *, cores: int, progress: bool) -> dict:
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

    b, cholesky = conditions(gathered, sigma, factor)
    normal = common_rng.standard_normal(b.shape)
    if len(gathered.r):
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
    standard = (matrices.y - mean) / sigma[kept, None]
    log_likelihood = -0.5 * (standard**2 + np.log(2 * np.pi)) - np.log(sigma[kept])[:, None]
    observed = np.asarray(model.response_term.data, dtype=float).ravel()
    predicted = mean + (observed - matrices.y) + sigma[kept, None] * outcome_rng.standard_normal(mean.shape)

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
    r, y = gathered.r[blocks], gathered.y[blocks]
    effects = rng.standard_normal((len(sigma), people, factor.shape[1]))
    kernel.draw_effects(sigma, factor, b, r, y, effects)
    return effects


def summarise_effects(gathered, sigma, factor, b, shape, rng, matrices: Design, cores: int) -> np.ndarray:
    """Mean, sd, 2.5 % and 97.5 % quantile of each effect, (statistic, q, people), from up to 1000 draws.

    Some blocks of people at a time, so that memory does not grow with the number of people.
    """
    some = thinned(shape, -(-1000 // shape[0]))
    sigma, factor, b = sigma[some], factor[some], b[some]
    people, q, size = len(matrices.levels), matrices.z.shape[1], gathered.r.shape[-1]
    step = max(1, CHUNK // (len(sigma) * size * q))
    starts = range(0, len(gathered.r), step)

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
    gathered = statistics(matrices)
    # The scales are few, and known well in a large study: then some draws of them do.
    shape = posterior.sizes["chain"], posterior.sizes["draw"]
    posterior = posterior.isel(draw=thinned((1, shape[1]), max(100, LARGE // (shape[0] * (int(subsets.max()) + 1)))))
    sigma, factor = posterior["sigma"].transpose("chain", "draw").to_numpy(), factors_of(posterior, matrices)
    # Subsets in the order of the people they belong to.
    order = np.lexsort((subsets, matrices.codes))
    changes = np.flatnonzero(np.diff(subsets[order], prepend=-1))
    which = subsets[order[changes]]
    if len(np.unique(which)) < len(which):
        raise NotCollapsible(f"what is left out together belongs to several members of {matrices.factor}")
    compressed = kernel.compress(np.append(changes, len(order)), order, matrices.z, gathered.xy)
    b, cholesky = conditions(gathered, sigma.ravel(), factor)
    if len(gathered.r):
        of_person = np.searchsorted(matrices.codes[order[changes]], np.arange(len(matrices.levels) + 1))
        scales = (sigma.ravel(), factor, b, cholesky)
        found = kernel.leave_out(*scales, gathered.r, gathered.y, of_person, *compressed)
    else:
        found = _leave_out_without_people(sigma.ravel(), b, cholesky, *compressed)
    densities = np.empty_like(found)
    densities[:, which] = found
    return densities.reshape(*sigma.shape, -1)


def _leave_out_without_people(sigma, b, cholesky, first, z, xy, spare, squares) -> np.ndarray:
    """``collapsed_kernel.leave_out`` where no effect belongs to a person; ``cholesky`` is diagonal, (draws, p)."""
    variance = sigma**2
    found = np.empty((len(sigma), len(spare)))
    for subset, rows in enumerate(map(slice, first[:-1], first[1:])):
        x, m = xy[rows, :-1], first[subset + 1] - first[subset]
        scaled = x[None] / cholesky[:, None]
        rest = np.eye(m) - scaled @ scaled.transpose(0, 2, 1) / variance[:, None, None]
        residual = xy[rows, -1] - b @ x.T
        quadratic = (residual * np.linalg.solve(rest, residual[..., None])[..., 0]).sum(axis=1) + squares[subset]
        constant = (m + spare[subset]) * np.log(2 * np.pi * variance) - np.linalg.slogdet(rest)[1]
        found[:, subset] = -0.5 * (constant + quadratic / variance)
    return found
