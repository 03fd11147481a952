"""The sections `comparisons`, `predictions` and `published`."""

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from partialpool.study.base import Strict, Units

Quantity = Literal["expected", "predicted"]
Estimand = Literal["observation", "unit"]


class Comparison(Strict):
    """Models compared by leave-one-out cross-validation, on the same rows."""

    title: str
    """Heading in the report."""
    text: str = ""
    """What the report says about it, in Markdown."""
    models: list[str] = Field(min_length=2)
    """Names of two or more models with the same left side of the formula."""
    rows: Literal["own", "common"] = "own"
    """`own`: each model is fitted on the rows that have all of its variables, and if these are not the same, it is an
    error; `common`: all are fitted on the rows that have the variables of all of them."""
    estimands: list[Estimand] | None = Field(None, min_length=1)
    """What is left out: `observation`, one measurement; `unit`, all measurements of a unit. By default both, as far as
    they need no folds and few refits."""
    bayes_factors: bool = False
    """Whether the report shows Bayes factors, also with the scales of all priors halved and doubled; for models of the
    marginal engine."""


class Prediction(Strict):
    """Values that models give for observed units, or for new ones."""

    models: list[str] = Field(min_length=1)
    """Names of the models."""
    units: Units | None = None
    """Observed units: `all`, a number of them drawn at random (by `sampling.seed`), or their ids."""
    new_units: int | None = Field(None, ge=1)
    """Instead of `units`: so many new units, drawn from the population distribution."""
    at: dict[str, list[Any]] = Field({})
    """Covariate values at which to predict, crossed; by default those at which each unit was observed."""
    quantities: list[Quantity] = Field(["expected"], min_length=1)
    """`expected`: the mean of the unit's measurements; `predicted`: one new measurement."""

    @model_validator(mode="after")
    def units_or_new(self):
        """Refuse predictions of observed and new units at once, or of none, or of one unit twice."""
        if (self.units is None) == (self.new_units is None):
            raise ValueError("give either 'units' (all, a number, or a list of ids) or 'new_units' (a number).")
        if isinstance(self.units, list) and len(set(self.units)) < len(self.units):
            raise ValueError("a unit stands twice in 'units'.")
        return self


class Published(Strict):
    """Printed numbers to check the results against."""

    folder: str
    """Folder with posterior.csv, loo.csv, predictions.csv, precis.csv, sizes.csv (any of them)."""
    source: str
    """Where the numbers were printed."""
    rename: dict[str, str] = Field({})
    """Regular expressions from printed names of parameters to ours: `{'b_(.*)': '\\1'}`."""

    @field_validator("rename")
    @classmethod
    def patterns_compile(cls, rename: dict[str, str]) -> dict[str, str]:
        """Refuse patterns that are no regular expressions."""
        for pattern, replacement in rename.items():
            try:
                re.sub(pattern, replacement, "")
            except (re.error, IndexError) as error:
                raise ValueError(f"'{pattern}: {replacement}' is no substitution: {error}.") from None
        return rename
