"""How large a model's effects are, as the report shows it: R2, intraclass correlations, ratios."""

import pandas as pd

from partialpool.report.numbers import number, trusted_decimals

# What each quantity is, by how its name begins, and whose definition it is.
DEFINITIONS = {
    "R2(conditional)": (
        "R² is the variance, over the rows, of what the model expects, against that variance plus the residual "
        "variance that the model has, for each draw (Gelman, Goodrich, Gabry & Vehtari 2019). The conditional one "
        "knows the group-level effects of the levels observed."
    ),
    "R2(marginal)": (
        "The marginal R² is of new levels: their group-level effects are integrated out, and count as variance that is "
        "not explained (Nakagawa & Schielzeth 2013, Johnson 2014)."
    ),
    "icc": (
        "An intraclass correlation, icc, is the share of a grouping factor in the variance that the common "
        "coefficients leave (Nakagawa, Johnson & Schielzeth 2017). On a latent scale the rest is the variance of the "
        "variable that is cut into the outcome; behind a log link it is log(1 + variance / mean²) at the mean of all "
        "rows. With varying slopes it depends on the values of their variables."
    ),
    "exp": (
        "exp() of a coefficient is what the odds, the rate, the hazard or the mean is multiplied by where its variable "
        "is one larger; of an intercept, or of a level in its place, it is their value where the others are zero."
    ),
}


def tabulated(variance: pd.DataFrame) -> pd.DataFrame:
    """A model's table of variance, rounded to what can be trusted."""
    shown = []
    for row in variance.to_dict("records"):
        low, high = (rounded(row, name) for name in ("q2.5", "q97.5"))
        shown.append(
            {
                "quantity": row["quantity"],
                "at": "" if pd.isna(row["at"]) else row["at"],
                "of": row["meaning"],
                "mean": rounded(row, "mean"),
            }
            | {"2.5 %": low, "97.5 %": high}
        )
    table = pd.DataFrame(shown, columns=["quantity", "at", "of", "mean", "2.5 %", "97.5 %"])
    return table if (table["at"] != "").any() else table.drop(columns="at")


def rounded(row: dict, name: str) -> str:
    """A number of a row, ``mean``, ``q2.5`` or ``q97.5``, by its Monte Carlo error."""
    return number(row[name], trusted_decimals(row["sd"], row[f"mcse_{name}"]))


def definitions(variance: pd.DataFrame) -> list[str]:
    """What the quantities of a table are, each said once."""
    return [words for start, words in DEFINITIONS.items() if variance["quantity"].str.startswith(start, na=False).any()]
