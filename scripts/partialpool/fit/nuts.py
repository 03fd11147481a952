"""NUTS over all parameters of a Bambi model."""

from contextlib import contextmanager

import pandas as pd

from partialpool.jobs.progress import draw_by_draw, from_nutpie
from partialpool.model.build import build
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
    """
    settings = {}
    if progress and spec.sampler == "pymc":
        settings = {"callback": draw_by_draw(progress, spec.chains, spec.warmup + spec.draws)}
    with reproducible(), _listening(progress):
        model = build(spec, rows)
        tree = model.fit(
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
        model.predict(tree, kind="response", random_seed=spec.seed)
        model.compute_log_likelihood(tree)
    attributes = {
        "family_parameters": " ".join(model.marginal_parameters),
        "link": model.family.link[model.family.likelihood.parent].name,
    }
    return {name: child.to_dataset() for name, child in tree.children.items()}, attributes


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
