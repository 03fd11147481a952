"""How large a model's effects are, as the report shows it: R2, intraclass correlations, ratios."""

import pandas as pd
from markupsafe import Markup

from partialpool.report.glossary import link
from partialpool.report.numbers import limits, rounded

# Terms of the glossary by how the name of a quantity begins, and what they are called.
TERMS = {
    "R2(conditional)": ("r2", "conditional R²"),
    "R2(marginal)": ("r2", "marginal R²"),
    "icc": ("icc", "intraclass correlations"),
    "exp": ("ratio", "exp() of coefficients"),
}


def tabulated(variance: pd.DataFrame) -> pd.DataFrame:
    """A model's table of variance, rounded to what can be trusted."""
    shown = []
    for row in variance.to_dict("records"):
        low, high = limits(row)
        shown.append(
            {
                "quantity": row["quantity"],
                "at": "" if pd.isna(row["at"]) else row["at"].replace("= -", "= −"),
                "of": row["meaning"],
                "mean": rounded(row, "mean"),
            }
            | {"2.5 %": low, "97.5 %": high}
        )
    table = pd.DataFrame(shown, columns=["quantity", "at", "of", "mean", "2.5 %", "97.5 %"])
    return table if (table["at"] != "").any() else table.drop(columns="at")


def named(variance: pd.DataFrame) -> Markup:
    """What kinds of quantities a table has."""
    shown = [link(*term) for start, term in TERMS.items() if variance["quantity"].str.startswith(start, na=False).any()]
    return Markup(", ").join(shown)
