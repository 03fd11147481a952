"""Which models are Gaussian; their values are tested with those of all models, in test_predict.py."""

import pytest
from partialpool.predict import gaussian


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"link": "identity"}, True),
        ({"link": "log"}, False),
        ({"family": "t"}, False),
        ({"formula": "log(y) ~ x + (1 | id)"}, True),
    ],
)
def test_what_is_gaussian(changes, expected, make_spec):
    spec = make_spec(changes.pop("formula", "y ~ x + (1 | id)"), "Intercept b sd sigma", **changes)
    assert gaussian.is_gaussian(spec) == expected
