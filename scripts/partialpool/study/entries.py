"""The sections `comparisons`, `predictions` and `published`."""

import math
import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from partialpool.study.base import PathOrUrl, Strict, Units

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
    """Whether the report shows Bayes factors, also with the scales of all priors halved and doubled; for models
    fitted by the marginal engine, by quadrature or by independent draws of all parameters."""


class Prediction(Strict):
    """Values that models give for units, and differences between them."""

    models: list[str] = Field(min_length=1)
    """Names of the models."""
    units: Units | None = None
    """Observed units: `all`, a number of them drawn at random (by `sampling.seed`), or their ids."""
    new_units: int | None = Field(None, ge=1, le=1_000_000)
    """Instead of `units`: so many new units, drawn from the population distribution."""
    average_unit: bool = False
    """Instead: the average unit, whose group-level effects are all 0; so are those of other grouping factors."""
    population: bool = False
    """Instead: the mean over all units of the population, which are integrated out; so are the levels of other grouping
    factors."""
    at: dict[str, list[Any]] = Field({})
    """Covariate values at which to predict, crossed; by default those at which each unit was observed, and for the
    average unit and the population the mean of a number and the first level of a category."""
    rows: PathOrUrl | None = Field(None, min_length=1)
    """Instead of `at`: predict at the covariates of the model's own rows, `observed`, or of those of a data file, given
    by its path; units that the model does not know are new ones."""
    quantities: list[Quantity] = Field(["expected"], min_length=1)
    """`expected`: the mean of the unit's measurements; `predicted`: one new measurement."""
    contrast: dict[str, list[Any]] | None = None
    """Differences of the expected values between two values of a covariate: `{treatment: [control, drug]}` is drug
    minus control."""
    ratio: bool = False
    """Whether a contrast is a ratio, drug divided by control."""
    slope: str | None = Field(None, min_length=1)
    """Covariate by whose change of one unit the expected values change: their derivative."""
    average: bool = False
    """Whether to average over all units and rows."""
    by: str | None = Field(None, min_length=1)
    """Average over the units and rows that have the same value of this column."""
    rope: tuple[float, float] | None = None
    """Region of practical equivalence: the share of the draws of a contrast or slope that lie inside is added."""

    @property
    def whose(self) -> str:
        """Of what kind of units it is: ``observed``, ``new``, ``average`` or ``population``."""
        kinds = {"new": self.new_units, "average": self.average_unit, "population": self.population}
        return next((kind for kind, given in kinds.items() if given), "observed")

    @model_validator(mode="after")
    def of_one_kind(self):
        """Refuse predictions of several kinds of units at once, or of none."""
        given = (self.units is not None, self.new_units is not None, self.average_unit, self.population)
        if sum(given) != 1:
            raise ValueError(
                "give one of 'units' (all, a number, or a list of ids), 'new_units' (a number), 'average_unit: true' "
                "and 'population: true'."
            )
        return self

    @model_validator(mode="after")
    def where(self):
        """Refuse rows together with what they have already, and values that cannot be any."""
        for key, values_of in (("at", self.at), ("contrast", self.contrast or {})):
            for name, values in values_of.items():
                if not values:
                    raise ValueError(f"'{key}': {name} has no values.")
                for value in values:
                    if not isinstance(value, str) and not _is_finite(value):
                        raise ValueError(f"'{key}': {name} takes finite numbers or levels, not {str(value)[:40]}.")
        if self.rows and self.at:
            raise ValueError("'rows' have values of all covariates: leave 'at' out, or give it instead.")
        if self.rows and self.new_units:
            raise ValueError("'rows' name their units: leave 'new_units' out, and write 'units: all'.")
        if self.rows not in (None, "observed") and self.units not in (None, "all"):
            raise ValueError("the units of a file of rows are those of the file: write 'units: all'.")
        return self

    @model_validator(mode="after")
    def what(self):
        """Refuse differences of what has none, and options of differences without one."""
        changes = self.contrast is not None or self.slope is not None
        if self.contrast is not None and self.slope is not None:
            raise ValueError("give either 'contrast' or 'slope'; the other is a prediction of its own.")
        if self.contrast is not None and (len(self.contrast) != 1 or not _are_two(*self.contrast.values())):
            raise ValueError("'contrast' takes one covariate and two values of it: {treatment: [control, drug]}.")
        for key, applies in (("ratio", self.contrast is not None), ("rope", changes)):
            if getattr(self, key) and not applies:
                raise ValueError(f"'{key}' needs 'contrast'{" or 'slope'" * (key == 'rope')}.")
        if self.rope and self.rope[0] >= self.rope[1]:
            raise ValueError("'rope' takes two numbers, the smaller first.")
        if "predicted" in self.quantities and (changes or self.average_unit or self.population):
            raise ValueError("contrasts, slopes, the average unit and the population have expected values only.")
        if self.average and self.by:
            raise ValueError("'by' averages: leave 'average' out.")
        changed = [*(self.contrast or {}), self.slope]
        if self.by and self.by in changed:
            raise ValueError(f"'by' cannot be '{self.by}', which is what changes.")
        if self.contrast and (twice := [column for column in self.contrast if column in self.at]):
            raise ValueError(f"'{twice[0]}' stands in 'at' and in 'contrast'.")
        return self

    @property
    def of_values_of_units(self) -> bool:
        """Whether it has values of each unit, and no differences or averages."""
        changes = self.contrast or self.slope or self.average or self.by
        return not (changes or self.average_unit or self.population)


def _are_two(values: list) -> bool:
    return len(values) == 2 and values[0] != values[1] and str(values[0]) != str(values[1])


def _is_finite(value: Any) -> bool:
    """Whether it is a number, and one that is not too large."""
    try:
        return not isinstance(value, bool) and math.isfinite(value)
    except (TypeError, OverflowError):
        return False


class Published(Strict):
    """Printed numbers to check the results against."""

    folder: PathOrUrl
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
