"""NUTS over the scales."""

import numpy as np

from partialpool.jobs.progress import draw_by_draw, from_nutpie
from partialpool.marginal.scales import Density
from partialpool.model.reproducible import reproducible
from partialpool.model.spec import ModelSpec


def sample_scales(density: Density, spec: ModelSpec, *, cores: int, progress=None):
    """NUTS over the scales.

    Returns
    -------
    ndarray
        Draws on the unconstrained space, (chain, draw, dimensions).
    Dataset
        Statistics of the sampler, (chain, draw).
    """
    sampler = _sample_with_pymc if spec.sampler == "pymc" else _sample_with_nutpie
    settings = {"draws": spec.draws, "tune": spec.warmup, "chains": spec.chains, "cores": cores}
    z, stats = sampler(density, spec, settings, progress)
    mode, root = density.frame
    return mode + z @ root.T, stats


def _sample_with_nutpie(density: Density, spec: ModelSpec, settings: dict, progress):
    import nutpie

    tree = nutpie.sample(
        density.native.for_nutpie(),
        seed=spec.seed,
        target_accept=spec.target_accept,
        progress_bar=False,
        progress_callback=progress and (lambda chains: progress(from_nutpie(chains))),
        **settings,
    )
    return tree["posterior"]["z"].to_numpy(), tree["sample_stats"].to_dataset()


def _sample_with_pymc(density: Density, spec: ModelSpec, settings: dict, progress):
    import pymc as pm
    import pytensor.tensor as pt
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op

    class LogDensity(Op):
        """z -> log density and its gradient."""

        def make_node(self, z):
            return Apply(self, [z], [pt.dscalar(), pt.dvector()])

        def perform(self, node, inputs, outputs):
            value, gradient = density.whitened(inputs[0])
            outputs[0][0], outputs[1][0] = np.asarray(value), gradient

        def pullback(self, inputs, outputs, cotangents):
            return [cotangents[0] * outputs[1]]

    with reproducible(), pm.Model():
        z = pm.Flat("z", shape=density.dimensions, initval=np.zeros(density.dimensions))
        pm.Potential("density", LogDensity()(z)[0])
        tree = pm.sample(
            nuts_sampler="pymc",
            random_seed=spec.seed,
            nuts={"target_accept": spec.target_accept},
            progressbar=False,
            callback=progress and draw_by_draw(progress, spec.chains, spec.warmup + spec.draws),
            compute_convergence_checks=False,
            **settings,
        )
    return tree["posterior"]["z"].to_numpy(), tree["sample_stats"].to_dataset()
