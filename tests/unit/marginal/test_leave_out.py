"""Densities of what is left out, against dense algebra and quadrature."""

import numpy as np
import pytest
from dense import SCALES, cholesky_of
from partialpool.marginal.design import NoClosedForm, design
from partialpool.marginal.leave_out import leave_out, left_out
from partialpool.model.formula import complete_cases


@pytest.mark.parametrize("scales", SCALES, ids=str)
@pytest.mark.parametrize("estimand", ["observation", "unit", "half of a unit"])
def test_what_is_left_out_has_the_conditional_density_of_the_multivariate_normal(dense, scales, estimand):
    cholesky = cholesky_of(dense.q, *scales)
    subsets = {
        "observation": np.arange(dense.n),
        "unit": dense.codes,
        "half of a unit": np.unique(dense.codes * 2 + np.arange(dense.n) % 2, return_inverse=True)[1],
    }[estimand]
    given = np.array([0.5]), cholesky[None]
    (ours,) = left_out(dense.gathered, dense.z, dense.codes, *given, subsets)
    expected = [dense.log_predictive(0.5, cholesky, np.flatnonzero(subsets == s)) for s in range(subsets.max() + 1)]
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)


def test_rows_of_several_units_cannot_be_left_out_together(make_spec, units, quick, correlated):
    matrices = design(correlated, complete_cases(correlated, units))
    with pytest.raises(NoClosedForm, match="several members of id"):
        leave_out(matrices, quick["posterior"].to_dataset(), np.arange(len(units)) // 20)
