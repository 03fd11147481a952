"""NUTS over the scales, for the posteriors that independent draws do not reach."""

import numpy as np

from partialpool.jobs.progress import from_nutpie
from partialpool.marginal.mode import find_mode
from partialpool.model.spec import ModelSpec

# Of the standard deviation at the mode: differences over such steps serve as gradient.
STEP = 1e-3


def nuts(log_density, dimensions: int, spec: ModelSpec, progress=None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """NUTS by nutpie, in coordinates in which the density is roughly standard normal.

    Gradients are differences of values: whatever pushes it, as long as the push depends on the place alone, a leapfrog
    step keeps volumes and can be reversed, and values decide what is accepted; so the draws are exact.

    Parameters
    ----------
    log_density
        Of points (n, dimensions), (n,); -inf where there is none.
    dimensions
        Of the space.
    spec
        For the numbers of chains, of warmup and of draws, the target acceptance, and the seed.
    progress
        See ``fit.fit``.

    Returns
    -------
    x : (chain, draw, dimensions)
    stats
        Of the sampler, by name, (chain, draw) each.

    References
    ----------
    Neal (2011), Handbook of Markov Chain Monte Carlo, chapter 5.
    """
    import nutpie
    from nutpie.compiled_pyfunc import from_pyfunc

    mode, root = find_mode(log_density, dimensions)
    steps = np.concatenate([np.zeros((1, dimensions)), STEP * np.eye(dimensions), -STEP * np.eye(dimensions)])

    def value_and_slope(z):
        values = log_density(mode + (z + steps) @ root.T)
        # Below any that is possible, and flat: the trajectory ends there.
        values = np.maximum(values, -1e100)
        return float(values[0]), (values[1 : 1 + dimensions] - values[1 + dimensions :]) / (2 * STEP)

    model = from_pyfunc(
        ndim=dimensions,
        make_logp_fn=lambda: value_and_slope,
        make_expand_fn=lambda *_: lambda z: {"z": np.ascontiguousarray(z)},
        expanded_dtypes=[np.dtype("float64")],
        expanded_shapes=[(dimensions,)],
        expanded_names=["z"],
        # Two standard deviations to each side of the mode, roughly.
        make_initial_point_fn=lambda seed: np.random.default_rng(seed).uniform(-2, 2, dimensions),
    )
    tree = nutpie.sample(
        model,
        draws=spec.draws,
        tune=spec.warmup,
        chains=spec.chains,
        # All chains wait for the same Python.
        cores=1,
        seed=spec.seed,
        target_accept=spec.target_accept,
        progress_bar=False,
        progress_callback=progress and (lambda chains: progress(from_nutpie(chains))),
    )
    z, stats = tree["posterior"]["z"].to_numpy(), tree["sample_stats"].to_dataset()
    return mode + z @ root.T, {name: values.to_numpy() for name, values in stats.items() if values.ndim == 2}
