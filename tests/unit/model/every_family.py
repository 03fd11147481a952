"""Formulas and measurements for models of every family but those of several counts."""

import numpy as np
import pandas as pd

TERMS = (
    "1 + (1 | id)",
    "x + (1 + x | id)",
    "x * g + h + (g | id) + (1 | item)",
    "0 + g + x + offset(z) + (0 + x | id)",
    "g:h + poly(x, 2) + (1 | id) + (0 + h | item)",
    "np.log(size) + bs(x, df=4) + g + x:z + (1 | item / id)",
)
OUTCOMES = {
    "gaussian": "y",
    "t": "y",
    "bernoulli": "answer[yes]",
    "binomial": "p(hits, size)",
    "poisson": "count",
    "negativebinomial": "count",
    "gamma": "length",
    "beta": "share",
    "cumulative": "grade",
    "sratio": "grade",
    "categorical": "mood",
    "asymmetriclaplace": "y",
    "beta_binomial": "p(hits, size)",
    "exgaussian": "y",
    "exponential": "length",
    "hurdle_gamma": "length",
    "hurdle_lognormal": "length",
    "hurdle_negativebinomial": "count",
    "hurdle_poisson": "count",
    "laplace": "y",
    "lognormal": "length",
    "vonmises": "angle",
    "wald": "length",
    "weibull": "length",
    "zero_inflated_binomial": "p(hits, size)",
    "zero_inflated_negativebinomial": "count",
    "zero_inflated_poisson": "count",
}


def measurements() -> pd.DataFrame:
    """Twelve units measured ten times each, with an outcome of every kind."""
    rng = np.random.default_rng(1)
    n = 120
    size = rng.integers(5, 12, n)
    angle = np.random.default_rng(2).uniform(-3, 3, n)
    return pd.DataFrame(
        {
            "id": np.repeat(np.arange(12), 10),
            "x": rng.normal(3, 2, n),
            "z": rng.normal(size=n),
            "g": pd.Categorical(rng.choice(list("abc"), n)),
            "h": pd.Categorical(rng.choice(["u", "v"], n)),
            "item": pd.Categorical(rng.choice(list("klmn"), n)),
            # Far from zero, as a year is.
            "y": rng.normal(2016, 3, n),
            "count": rng.poisson(4, n),
            "answer": pd.Categorical(rng.choice(["no", "yes"], n)),
            "hits": rng.binomial(size, 0.4),
            "size": size,
            "length": size,
            "angle": angle,
            "share": rng.beta(2, 2, n),
            "grade": pd.Categorical(rng.choice(list("pqr"), n), ordered=True),
            "mood": pd.Categorical(rng.choice(list("pqr"), n)),
            "row": np.arange(n),
        }
    )
