"""NUTS over all parameters of a Bambi model."""

import gc
from contextlib import contextmanager

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.jobs.progress import draw_by_draw, from_nutpie
from partialpool.model.build import build_for_nuts
from partialpool.model.formula import bars
from partialpool.model.names import Term, classify
from partialpool.model.outcome import outcome_levels
from partialpool.model.reproducible import reproducible
from partialpool.model.spec import ModelSpec

# Most values of all rows, chains and draws in a batch: for one value Bambi needs some 300 bytes.
LARGEST_BATCH = 2_000_000


def nuts(spec: ModelSpec, rows: pd.DataFrame, *, cores: int, progress=None) -> tuple[dict, dict[str, str]]:
    """Sample all parameters of a model together.

    Parameters
    ----------
    spec
        The model's spec, with its target acceptance.
    rows
        Its complete cases.
    cores, progress
        See ``fit.fit``.

    Returns
    -------
    dict
        The groups of ``fit.fit`` as datasets, with what Bambi adds to them.
    dict
        Attributes of the posterior: ``family_parameters`` and ``link``.

    Raises
    ------
    StudyError
        If no chain finds a point to begin at.
    """
    print(f"{spec.chains} chains, {min(spec.chains, cores)} at a time.")
    settings = {}
    if progress and spec.sampler == "pymc":
        settings = {"callback": draw_by_draw(progress, spec.chains, spec.warmup + spec.draws)}
    with reproducible(), _listening(progress):
        model = build_for_nuts(spec, rows)
        renamed = {}
        if spec.sampler == "nutpie":
            settings["compile_kwargs"] = starts(model)
            renamed = rename_commas(model.backend.model)
        tree = _sample(model, spec, cores=cores, **settings)
        if renamed:
            posterior = tree["posterior"].to_dataset()
            tree["posterior"] = posterior.rename({new: old for old, new in renamed.items() if new in posterior.dims})
        tree["posterior"] = in_order(tree["posterior"].to_dataset(), bars(spec.formula))
        of_rows = _of_rows(model, tree, len(rows) * len(outcome_levels(spec, rows) or [1]), spec.seed)
    attributes = {
        "family_parameters": " ".join(model.marginal_parameters),
        "link": model.family.link[model.family.likelihood.parent].name,
    }
    return {name: child.to_dataset() for name, child in tree.children.items()} | of_rows, attributes


def _sample(model, spec: ModelSpec, *, cores: int, **settings):
    """Run the sampler of a spec on a Bambi model; StudyError, without its stack, if it stops."""
    try:
        return model.fit(
            draws=spec.draws,
            tune=spec.warmup,
            chains=spec.chains,
            cores=cores,
            random_seed=spec.seed,
            inference_method=spec.sampler,
            nuts={"target_accept": spec.target_accept},
            progressbar=False,
            compute_convergence_checks=False,
            **settings,
        )
    except RuntimeError as error:  # of nutpie and of PyMC
        link = model.family.link[model.family.likelihood.parent].name
        raise StudyError(
            f"formula '{spec.formula}': NUTS cannot sample this model: {str(error).splitlines()[0]}. At the middle of "
            f"its priors its density may not exist: with the link '{link}' a mean can be one that the family "
            f"'{spec.family}' does not have. Take another link (log for positive numbers), or narrower priors."
        ) from None


def _of_rows(model, tree, values: int, seed: int) -> dict:
    """Predicted values and log-likelihood of every row, in batches of draws.

    Parameters
    ----------
    model : bambi.Model
        With its PyMC model built.
    tree : DataTree
        With its draws.
    values
        How many values a draw has: one a row, of an outcome with levels one for each of them.
    seed
        Of the first batch.

    Returns
    -------
    dict
        ``posterior_predictive`` and ``log_likelihood`` as datasets.
    """
    import xarray as xr

    posterior, observed = tree["posterior"].to_dataset(), tree["observed_data"].to_dataset()
    n_draws = posterior.sizes["draw"]
    size = max(1, LARGEST_BATCH // (posterior.sizes["chain"] * values))
    starts = range(0, n_draws, size)
    seeds = [seed, *np.random.SeedSequence(seed).generate_state(len(starts) - 1).tolist()]
    groups = {}
    for start, batch_seed in zip(starts, seeds, strict=True):
        some = slice(start, start + size)
        batch = xr.DataTree.from_dict({"posterior": posterior.isel(draw=some), "observed_data": observed})
        model.predict(batch, kind="response", random_seed=batch_seed)
        # Not by the model's own method, which would make the means of all rows once more.
        density = model.family.log_likelihood(model=model, posterior=batch["posterior"].to_dataset(), data=None)
        parts = {
            "posterior_predictive": batch["posterior_predictive"].to_dataset(),
            "log_likelihood": density.to_dataset(name=next(iter(observed.data_vars))),
        }
        # Room for all draws is made once: to keep the batches and join them takes a third more memory.
        groups = groups or {name: _room(part, posterior["draw"]) for name, part in parts.items()}
        for name, part in parts.items():
            for variable, values in part.items():
                groups[name][variable][{"draw": some}] = values.to_numpy()
        # PyTensor's graphs refer to each other and hold the numbers of the batch.
        gc.collect()
    return groups


def _room(part, draws):
    """A dataset like that of a batch, with room for all draws."""
    import xarray as xr

    sizes = dict(part.sizes) | {"draw": len(draws)}
    variables = {
        name: (values.dims, np.empty([sizes[dim] for dim in values.dims], values.dtype))
        for name, values in part.items()
    }
    return xr.Dataset(variables, part.drop_vars("draw").coords | {"draw": draws}, part.attrs)


def in_order(posterior, bars_of_formula: list[list[str]]):
    """A posterior with its variables as the marginal engine has them.

    First sds, then correlations, then group-level effects, each in the order of the formula.
    """
    terms = [Term.of_name(name) for bar in bars_of_formula for name in bar]
    places = {term.name: place for place, term in enumerate(terms)}
    # Correlations are named after the grouping factor, without the underscores that tell several apart.
    factors = {term.grouping.rstrip("_"): places[term.name] for term in reversed(terms)}

    def place(name: str) -> tuple[int, int]:
        kind, what = classify(name, posterior[name].dims)
        if kind == "common":
            return 0, 0
        own = factors[what] if kind == "cor" else places[what.name]
        return ("sd", "cor", "group").index(kind) + 1, own

    return posterior[sorted(posterior.data_vars, key=place)]


def rename_commas(model) -> dict[str, str]:
    """Give dimensions with a comma, as of ``poly(x, 2)``, names without: nutpie splits names there.

    Parameters
    ----------
    model : pymc.Model
        Changed in place.

    Returns
    -------
    dict
        New names by the old ones.
    """
    renamed = {dim: dim.replace(",", ";") for dim in model.coords if "," in dim}
    for old, new in renamed.items():
        model.add_coord(new, model.coords[old])
    for name, dims in list(model.named_vars_to_dims.items()):
        model.named_vars_to_dims[name] = tuple(renamed.get(dim, dim) for dim in dims)
    return renamed


def starts(model) -> dict:
    """Where chains of nutpie begin: all variables at the middle of their priors, moved at random.

    By default each is moved by up to 1. A slope moved so far moves the linear predictor by up to the largest value of
    its covariate; where that is 50, and the link a logarithm or logit, such a chain would never come back. So slopes,
    common and group-level, are moved by as much as moves the linear predictor by up to 1.

    Parameters
    ----------
    model : bambi.Model
        With its PyMC model built.

    Returns
    -------
    dict
        Arguments of ``nutpie.compile_pymc_model``.
    """
    import pymc as pm

    backend = model.backend.model
    middle = backend.initial_point()
    points = {
        name: pm.Uniform.dist(middle[name] - 1 / largest, middle[name] + 1 / largest)
        for name, largest in _largest_values(model).items()
        # A prior on positive numbers only is sampled under another name, and moved as by default.
        if name in middle and largest > 1
    }
    moved = {variable for variable in backend.free_RVs if variable.name not in points}
    return {"initial_points": points, "jitter_rvs": moved}


def _largest_values(model) -> dict[str, float]:
    """By the variable of a Bambi model that multiplies it, the largest value of each term of its formula."""
    parent = model.parameters[model.family.likelihood.parent]
    largest = {}
    for name, term in parent.common_terms.items():
        values = np.asarray(term.data, dtype=float)
        centred = values - values.mean(axis=0) if parent.intercept_term else values
        largest[name] = np.abs(centred).max()
    for term in parent.group_specific_terms.values():
        of_effects = Term.of_bambi(term)
        for variable in (of_effects.standard_normal_name, of_effects.correlated_standard_normal_name):
            largest[variable] = np.abs(np.asarray(term.predictor, dtype=float)).max()
    return largest


@contextmanager
def _listening(progress):
    """Hand what nutpie tells PyMC of its progress to ``progress``, and not to the bars that PyMC would draw.

    PyMC has no public way to give nutpie a callback, so a method of its bars is replaced for a while. A canary in
    ``test_nuts.py`` fails if a release renames it.
    """
    from pymc.progress_bar import NutpieProgressBarManager as Bars

    update = Bars.update
    if progress:
        Bars.update = lambda self, chains: progress(from_nutpie(chains))
    try:
        yield
    finally:
        Bars.update = update
