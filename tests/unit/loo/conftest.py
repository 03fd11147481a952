"""Made-up log likelihoods and pointwise values that several files share."""

import numpy as np
import pytest
from partialpool.loo.pointwise import PointwiseElpd


@pytest.fixture(scope="session")
def made_up():
    """Log likelihoods of two models of eight measurements, (4 chains, 50 autocorrelated draws, 8) each."""
    from scipy import stats

    rng = np.random.default_rng(71)
    y = np.array([-1.2, -0.6, -0.3, 0.1, 0.2, 0.7, 1.1, 4.0])
    noise = rng.normal(size=(2, 4, 50))
    for draw in range(1, 50):
        noise[..., draw] = 0.5 * noise[..., draw - 1] + np.sqrt(0.75) * noise[..., draw]
    mean = 0.5 + 0.4 * noise[0][..., None]
    scale = np.exp(0.3 + 0.25 * noise[1][..., None])
    return {"a": stats.norm.logpdf(y, mean, scale), "b": stats.t.logpdf(y, 4, mean, scale / 1.3)}


@pytest.fixture(scope="session")
def make():
    """Pointwise values with these numbers, whose batches of draws add nothing."""

    def pointwise(elpd, pareto_k=0.1, p_loo=0.5, *, labels=None, method="psis", mcse=0.1):
        n = len(elpd)
        return PointwiseElpd(
            labels=np.arange(n) if labels is None else np.array(labels),
            elpd=np.array(elpd, dtype=float),
            pareto_k=np.broadcast_to(np.array(pareto_k, dtype=float), n),
            p_loo=np.broadcast_to(np.array(p_loo, dtype=float), n),
            mcse=np.broadcast_to(np.array(mcse, dtype=float), n),
            method=np.broadcast_to(np.array(method, dtype=object), n),
            elpd_batches=np.zeros((n, 4)),
            p_loo_batches=np.zeros((n, 4)),
        )

    return pointwise
