"""NUTS over all parameters of a Bambi model."""

from contextlib import contextmanager

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.jobs.progress import draw_by_draw, from_nutpie
from partialpool.model.build import build
from partialpool.model.names import Term
from partialpool.model.reproducible import reproducible
from partialpool.model.spec import ModelSpec


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
    settings = {}
    if progress and spec.sampler == "pymc":
        settings = {"callback": draw_by_draw(progress, spec.chains, spec.warmup + spec.draws)}
    with reproducible(), _listening(progress):
        model = build(spec, rows)
        model.build()
        renamed = {}
        if spec.sampler == "nutpie":
            settings["compile_kwargs"] = starts(model)
            renamed = rename_commas(model.backend.model)
        tree = _sample(model, spec, cores=cores, **settings)
        if renamed:
            posterior = tree["posterior"].to_dataset()
            tree["posterior"] = posterior.rename({new: old for old, new in renamed.items() if new in posterior.dims})
        model.predict(tree, kind="response", random_seed=spec.seed)
        model.compute_log_likelihood(tree)
    attributes = {
        "family_parameters": " ".join(model.marginal_parameters),
        "link": model.family.link[model.family.likelihood.parent].name,
    }
    return {name: child.to_dataset() for name, child in tree.children.items()}, attributes


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
