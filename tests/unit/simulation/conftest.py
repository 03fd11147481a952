"""Posteriors that were never fitted: of parameters that are known."""

import json

import numpy as np
import pytest
import xarray as xr


@pytest.fixture(scope="session")
def known_posterior():
    """Two draws, equal unless two values are given, of the parameters of a model with effects of ``id``."""

    def make(common, sds, sigma, correlation=None):
        def draws(value):
            return ("chain", "draw"), np.broadcast_to(np.asarray(value, dtype=float), (1, 2)).copy()

        variables = {name: draws(value) for name, value in common.items()}
        variables["sigma"] = draws(sigma)
        variables |= {f"{name}|id_sigma": draws(value) for name, value in sds.items()}
        coords = {"chain": [0], "draw": [0, 1]}
        if correlation is not None:
            names = ["Intercept" if name == "1" else name for name in sds]
            pairs = [f"{a},{b}" for i, a in enumerate(names) for b in names[i + 1 :]]
            values = np.tile(np.atleast_1d(correlation), (1, 2, 1)).astype(float)
            variables["cor_id"] = ("chain", "draw", "cor_id_dim"), values
            coords["cor_id_dim"] = pairs
        return xr.Dataset(variables, coords, {"family_parameters": "sigma"})

    return make


@pytest.fixture(scope="session")
def as_fit():
    """What ``store.load`` has of a fit of a spec with this posterior."""

    def make(spec, posterior):
        tree = xr.DataTree.from_dict({"posterior": posterior})
        tree.attrs["spec"] = json.dumps(spec.to_dict())
        return tree

    return make
