"""NUTS over the scales."""

import numpy as np

from partialpool.jobs.progress import draw_by_draw, from_nutpie
from partialpool.marginal import native
from partialpool.marginal.scales import Density
from partialpool.model.spec import ModelSpec


def sample_scales(density: Density, spec: ModelSpec, *, cores: int, progress=None):
    """NUTS over the scales.

    Returns
    -------
    dict
        Draws of all variables of the density's model, (chain, draw, ...).
    Dataset
        Statistics of the sampler, (chain, draw).
    """
    settings = {"draws": spec.draws, "tune": spec.warmup, "chains": spec.chains, "cores": cores}
    if spec.sampler == "pymc":
        return _sample_with_pymc(density, spec, settings, progress)
    import nutpie
    from nutpie.compile_pymc import CompiledPyMCModel

    mode, root = density.frame
    target = CompiledPyMCModel(
        _n_dim=density.dimensions,
        dims={},
        _coords={},
        _shapes={"x": (density.dimensions,)},
        compiled_logp_func=native.density,
        compiled_expand_func=native.identity,
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
        seed=spec.seed,
        target_accept=spec.target_accept,
        progress_bar=False,
        progress_callback=progress and (lambda chains: progress(from_nutpie(chains))),
        **settings,
    )
    return density.expand(mode + tree["posterior"]["x"].to_numpy() @ root.T), tree["sample_stats"].to_dataset()


def _sample_with_pymc(density: Density, spec: ModelSpec, settings: dict, progress):
    import pymc as pm
    import pytensor.tensor as pt
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op

    class MarginalLogLikelihood(Op):
        """(sigma, entries of the factor) -> log likelihood and its gradient, (1 + entries,)."""

        def make_node(self, *scales):
            return Apply(self, list(scales), [pt.dscalar(), pt.dvector()])

        def perform(self, node, inputs, outputs):
            value, gradient = density.likelihood(float(inputs[0]), [float(entry) for entry in inputs[1:]])
            outputs[0][0], outputs[1][0] = np.asarray(value), gradient

        def pullback(self, inputs, outputs, cotangents):
            return [cotangents[0] * outputs[1][i] for i in range(len(inputs))]

    with density.model:
        pm.Potential("marginal", MarginalLogLikelihood()(*density.variables)[0])
        tree = pm.sample(
            nuts_sampler="pymc",
            random_seed=spec.seed,
            nuts={"target_accept": spec.target_accept},
            progressbar=False,
            callback=progress and draw_by_draw(progress, spec.chains, spec.warmup + spec.draws),
            compute_convergence_checks=False,
            **settings,
        )
    posterior = tree["posterior"]
    return {name: posterior[name].to_numpy() for name in density.shapes}, tree["sample_stats"].to_dataset()
