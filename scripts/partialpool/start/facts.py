"""What models, figures and words of a new study need to know of its prepared data."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from partialpool.data.units import in_order
from partialpool.study.data import in_sentence

# ASSUME: so many units have to be there, or do something, before it is taken for what units do.
LEAST_UNITS = 5


@dataclass(frozen=True)
class Facts:
    """Prepared data with the roles of their columns.

    Attributes
    ----------
    frame
        From `data.prepare.prepare`.
    outcome, unit, time, group, condition
        Columns; the last three None where there are none.
    nouns
        One unit and several.
    labels
        By column, what the report calls it.
    trials
        Column with the number of trials of which the outcome counts the successes; None where it does not.
    """

    frame: pd.DataFrame
    outcome: str
    unit: str
    time: str | None
    group: str | None
    condition: str | None
    nouns: tuple[str, str]
    labels: dict[str, str]
    trials: str | None = None

    def label(self, column: str) -> str:
        """What the report calls a column."""
        return self.labels.get(column, column)

    def in_sentence(self, column: str) -> str:
        """What the report calls a column inside of a sentence."""
        return in_sentence(self.label(column), column)

    @cached_property
    def measured(self) -> pd.DataFrame:
        """Rows with an outcome."""
        return self.frame[self.frame[self.outcome].notna()]

    @cached_property
    def rows_of_units(self) -> pd.Series:
        """Number of measurements by unit, in the order of ids."""
        return self.measured[self.unit].astype(str).value_counts().reindex(in_order(self.measured[self.unit]))

    @property
    def n_units(self) -> int:
        """Number of units with a measurement."""
        return len(self.rows_of_units)

    @cached_property
    def times_of_units(self) -> pd.Series:
        """Number of different times of measurement by unit."""
        return self.measured.groupby(self.unit)[self.time].nunique()

    @property
    def has_lines(self) -> bool:
        """Whether a unit is measured at several times, so that a line can be drawn."""
        return self.time is not None and self.times_of_units.max() > 1

    @cached_property
    def units_twice_at_a_time(self) -> int:
        """Number of units with several measurements at one time."""
        rows = self.measured.dropna(subset=[self.time])
        return rows[self.unit][rows.duplicated([self.unit, self.time])].nunique()

    def tells_apart(self, columns: list[str]) -> str | None:
        """Of some columns the one that tells apart measurements of a unit at one time; None if there is none.

        Each of its levels is one of several units, and of several such columns it has fewest levels.
        """
        rows = self.measured.dropna(subset=[self.time])
        telling = [
            column
            for column in columns
            if not rows.duplicated([self.unit, self.time, column]).any()
            and rows.groupby(column, observed=True)[self.unit].nunique().min() > 1
        ]
        return min(telling, key=lambda column: rows[column].nunique(), default=None)

    def names_parts(self, column: str) -> bool:
        """Whether the values of a column are names of parts of units, as of classes in schools: each is in one unit."""
        rows = self.measured.dropna(subset=[column])
        of_values = rows.groupby(column, observed=True)[self.unit].agg(["nunique", "size"])
        of_units = rows.groupby(self.unit, observed=True)[column].nunique()
        # ASSUME: of names a tenth or more stands in several rows; of numbers that hardly ever repeat, fewer do.
        is_repeated = (of_values["size"] > 1).mean() >= 0.1
        return bool((of_values["nunique"] == 1).all() and is_repeated and (of_units > 1).sum() >= LEAST_UNITS)

    @property
    def time_mean(self) -> float:
        """Mean of time over all measurements."""
        return float(self.measured[self.time].mean())

    @property
    def time_sd(self) -> float:
        """Standard deviation of time over all measurements."""
        return float(self.measured[self.time].std())

    def rows_without(self, *columns: str | None) -> int:
        """Number of measurements without a value of one of some columns; None for a column that there is not."""
        return int(self.measured[[column for column in columns if column]].isna().any(axis=1).sum())

    @cached_property
    def rows_by_condition(self) -> pd.DataFrame:
        """Number of measurements by unit, a row each, and condition, a column each."""
        return self.measured.groupby([self.unit, self.condition], observed=True).size().unstack(fill_value=0)

    @property
    def n_groups(self) -> int:
        """Number of groups with a measurement."""
        return self.measured[self.group].nunique()

    @property
    def has_numbers(self) -> bool:
        """Whether the outcome is of numbers, and neither of levels nor of successes in trials."""
        return self.trials is None and pd.api.types.is_numeric_dtype(self.frame[self.outcome])

    @cached_property
    def numbers(self) -> pd.Series:
        """Outcomes of the measured rows as numbers: of levels their place in the order, of successes their share."""
        outcome = self.measured[self.outcome]
        if self.trials:
            return outcome / self.measured[self.trials]
        return outcome.cat.codes if isinstance(outcome.dtype, pd.CategoricalDtype) else outcome

    def notable_units(self) -> dict[str, str]:
        """Ids of a few units and what each is notable for: typical, lowest, highest, and one with fewest rows."""
        means = self.numbers.groupby(self.measured[self.unit].astype(str)).mean().reindex(self.rows_of_units.index)
        usual = self.rows_of_units >= self.rows_of_units.median()
        chosen = {
            (means - means.median()).abs()[usual].idxmin(): "typical",
            means.idxmin(): "lowest mean",
            means.idxmax(): "highest mean",
        }
        fewest = self.rows_of_units[self.rows_of_units == self.rows_of_units.min()].index
        if self.rows_of_units.min() < self.rows_of_units.median():
            # The one furthest from the others: there pooling does most.
            furthest = (means[fewest] - means.mean()).abs().idxmax()
            chosen[furthest] = f"{chosen[furthest]}, fewest rows" if furthest in chosen else "fewest rows"
        return {unit: chosen[unit] for unit in means.index if unit in chosen}

    def times(self, most: int) -> list[float]:
        """Evenly spaced times over the whole range, rounded, at most so many."""
        low, high = self.measured[self.time].min(), self.measured[self.time].max()
        step = (high - low) / (most - 1)
        # Two figures of the step, so that the numbers in the config are short.
        decimals = max(0, 1 - int(np.floor(np.log10(step))))
        return sorted({round(float(low + i * step), decimals) for i in range(most)})
