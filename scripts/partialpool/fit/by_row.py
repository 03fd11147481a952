"""What a fit keeps of each row, as arrays."""

import numpy as np

from partialpool.model.names import ROW_DIM


def draws_by_row(tree, group: str) -> np.ndarray:
    """Draws, (chain, draw, n), of the group ``log_likelihood`` or ``posterior_predictive``.

    A fit of a large study keeps them at some of its draws.
    """
    return next(iter(tree[group].data_vars.values())).transpose("chain", "draw", ROW_DIM).to_numpy()


def outcomes(tree) -> np.ndarray:
    """Outcomes as numbers, (n,): 0 or 1, counts, successes, or positions among the levels."""
    return next(iter(tree["observed_data"].data_vars.values())).to_numpy().astype(float)
