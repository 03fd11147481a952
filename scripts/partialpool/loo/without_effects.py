"""Leave-one-out of models without group-level effects whose parameters can be drawn independently."""

from functools import cache

import numpy as np
import pandas as pd

from partialpool.loo.integrated import left_in, refitted
from partialpool.loo.pointwise import PointwiseElpd
from partialpool.loo.psis import of_fit, psis
from partialpool.loo.without import DRAWS, SEED
from partialpool.model.formula import complete_cases
from partialpool.model.spec import ModelSpec
from partialpool.quadrature.densities import NoQuadrature
from partialpool.quadrature.model import EVALUATIONS, Model, model_of
from partialpool.sampling.independent import IndependentDraws

# Densities of a row that all refits compute together: about a minute of them.
MOST = 2 * 10**9


def without_effects(
    tree, spec: ModelSpec, data: pd.DataFrame, *, cores: int = 1
) -> tuple[PointwiseElpd, PointwiseElpd | None]:
    """Leave-one-out by PSIS, and by the difference of two evidences where Pareto k is over 0.5.

    Parameters
    ----------
    tree
        The fit, by any engine, of a model without group-level effects.
    spec, data
        What it was fitted to.
    cores
        Threads; the numbers do not depend on it.

    Returns
    -------
    observations, units : PointwiseElpd
        ``method`` is ``psis`` or ``refit``. ``units`` is None if weights fail for a unit that has no refit.
    """
    rows = complete_cases(spec, data)
    units, codes = rows[spec.unit].cat.categories.to_numpy(dtype=object), rows[spec.unit].cat.codes.to_numpy()
    by_row, by_unit = of_fit(tree), psis(np.moveaxis(left_in(tree, codes), 0, -1), units)
    try:
        without = Without(model_of(spec, rows, cores=cores))
    except NoQuadrature as reason:
        print(f"Its parameters are not drawn independently: {reason}.")
    else:
        most = MOST // (EVALUATIONS * len(rows))
        by_row = refitted(by_row, without, np.arange(len(rows)), method="refit", most=most)
        by_unit = refitted(by_unit, without, codes, method="refit", most=most)
    return by_row, None if by_unit.bad.any() else by_unit


class Without:
    """A model, and what its data say of rows that are left out of them; see ``without.Without``."""

    def __init__(self, model: Model):
        self.model = model
        self._with_all = cache(lambda: _drawn(model))

    def difference_of_evidences(self, kept: np.ndarray) -> tuple[float, float, bool]:
        """See ``without.Without.difference_of_evidences``."""
        try:
            whole, part = self._with_all(), _drawn(self.model.of_rows(kept))
        except NoQuadrature:
            return np.nan, np.nan, False
        return whole.log_evidence - part.log_evidence, float(np.hypot(whole.mcse, part.mcse)), True


def _drawn(model: Model) -> IndependentDraws:
    return model.draw(chains=1, draws=DRAWS, rng=np.random.default_rng(SEED))
