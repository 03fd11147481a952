"""NUTS over all parameters of a Bambi model."""

from contextlib import contextmanager

import pandas as pd

from partialpool.jobs.progress import draw_by_draw, from_nutpie
from partialpool.model.build import build
from partialpool.model.spec import ModelSpec


def nuts(spec: ModelSpec, rows: pd.DataFrame, cores: int, progress):
    model = build(spec, rows)
    settings = (
        {"callback": draw_by_draw(progress, spec.chains, spec.warmup + spec.draws)}
        if progress and spec.sampler == "pymc"
        else {}
    )
    with _listening(progress):
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
    family = {
        "family_parameters": " ".join(model.marginal_parameters),
        "link": model.family.link[model.family.likelihood.parent].name,
    }
    return {name: child.to_dataset() for name, child in tree.children.items()}, family


@contextmanager
def _listening(progress):
    """PyMC hands what nutpie says of its progress to bars, which are not for log files: listen in their place."""
    from pymc.progress_bar import NutpieProgressBarManager as Bars

    update = Bars.update
    if progress:
        Bars.update = lambda self, chains: progress(from_nutpie(chains))
    try:
        yield
    finally:
        Bars.update = update
