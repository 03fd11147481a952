"""Made-up results of two models for the tests of what goes into a paper."""

import pandas as pd
from partialpool.report.paper import Fitted
from partialpool.study.config import load

from report.made_up_study import study_values

NUMBERS = {"sd": 0.0512, "mcse_mean": 0.001, "mcse_q2.5": 0.004, "mcse_q97.5": 0.0004}


def estimates(**means: float) -> pd.DataFrame:
    """A summary of parameters with these means; those in capital letters or brackets are what they look like."""
    rows = [{"parameter": name, "mean": m, "q2.5": m - 0.1, "q97.5": m + 0.1} | NUMBERS for name, m in means.items()]
    kinds = ["sd" if name.startswith("sd(") else "family" if name == "sigma" else "common" for name in means]
    return pd.DataFrame(rows).assign(kind=kinds).set_index("parameter")


def variance(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """A table of variance with these quantities, places and meanings."""
    named = [dict(zip(("quantity", "at", "meaning"), row, strict=True)) for row in rows]
    return pd.DataFrame([row | {"mean": 0.5, "q2.5": 0.4, "q97.5": 0.6} | NUMBERS for row in named])


def two_models() -> dict[str, Fitted]:
    """Fits of models ``a`` and ``b`` of the made-up study."""
    quantities = [("R2(conditional)", "", "outcome"), ("R2(marginal)", "", "outcome"), ("icc(farm)", "", "outcome")]
    slopes = [("icc(farm)", "average over the rows", "outcome"), ("icc(farm)", "year = 2", "outcome")]
    return {
        "a": Fitted(
            estimates(Intercept=1.23456, **{"sd(Intercept)": 0.3}, sigma=0.2), variance(*quantities), 5, 2, True, True
        ),
        "b": Fitted(
            estimates(Intercept=1.2, year=-0.5, sigma=0.2), variance(*quantities[:2], *slopes), 4, 2, False, False
        ),
    }


def study(say=lambda what: what):
    """The made-up study."""
    return load(study_values(say=say))


def compared(estimand: str = "observation") -> pd.DataFrame:
    """A table of a comparison: one estimand, and the same once more by plain PSIS."""
    rows = [
        {"model": model, "rank": rank, "estimand": estimand, "method": method, "n": 5}
        | {"elpd_loo": -10.25 - rank, "se_elpd_loo": 2.0, "bad_pareto_k": rank}
        for method in ("integrated", "psis")
        for rank, model in enumerate(("b", "a"))
    ]
    return pd.DataFrame(rows)
