"""NUTS over the scales, for the posteriors that independent draws do not reach."""

import numpy as np

from partialpool.jobs.progress import from_nutpie
from partialpool.model.spec import ModelSpec

# Of the standard deviation at the mode: differences over such steps serve as gradient.
STEP = 1e-3


def nuts(log_density, mode, root, spec: ModelSpec, progress=None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """NUTS by nutpie, in coordinates in which the density is roughly standard normal.

    Gradients are differences of values: whatever pushes it, as long as the push depends on the place alone, a leapfrog
    step keeps volumes and can be reversed, and values decide what is accepted; so the draws are exact.

    Parameters
    ----------
    log_density
        Of points (n, d), (n,); -inf where there is none.
    mode, root : (d,), (d, d)
        From ``mode.find_mode``.
    spec
        For the numbers of chains, of warmup and of draws, the target acceptance, and the seed.
    progress
        See ``fit.fit``.

    Returns
    -------
    x : (chain, draw, d)
    stats
        Of the sampler, by name, (chain, draw) each.

    References
    ----------
    Neal (2011), Handbook of Markov Chain Monte Carlo, chapter 5.
    """
    import nutpie

    tree = nutpie.sample(
        _model(log_density, mode, root),
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


def _model(log_density, mode: np.ndarray, root: np.ndarray):
    """The density of z, where x = mode + root z, as a model of nutpie."""
    from nutpie.compiled_pyfunc import from_pyfunc

    dimensions = len(mode)
    steps = np.concatenate([np.zeros((1, dimensions)), STEP * np.eye(dimensions), -STEP * np.eye(dimensions)])

    def value_and_slope(z):
        values = log_density(mode + (z + steps) @ root.T)
        up, down = values[1 : 1 + dimensions], values[1 + dimensions :]
        # At the edge of what priors allow there is no push, and beyond a value below any that is possible.
        inside = np.isfinite(up) & np.isfinite(down)
        slope = np.where(inside, np.where(inside, up, 0) - np.where(inside, down, 0), 0) / (2 * STEP)
        return max(float(values[0]), -1e100), slope

    def initial_point(seed):
        """Up to two standard deviations from the mode, roughly, in each direction; closer where that is excluded."""
        z = np.random.default_rng(seed).uniform(-2, 2, dimensions)
        while np.isneginf(log_density((mode + root @ z)[None])[0]):
            z /= 2
        return z

    return from_pyfunc(
        ndim=dimensions,
        make_logp_fn=lambda: value_and_slope,
        make_expand_fn=lambda *_: lambda z: {"z": np.ascontiguousarray(z)},
        expanded_dtypes=[np.dtype("float64")],
        expanded_shapes=[(dimensions,)],
        expanded_names=["z"],
        make_initial_point_fn=initial_point,
    )
