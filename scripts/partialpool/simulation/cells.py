"""Rows of a study that has not been made: so many units, each measured so many times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from partialpool.data.derive import derive


@dataclass(frozen=True, order=True)
class Cell:
    """One design: numbers of units, and of the measurements of each."""

    units: int
    measurements: int

    def __str__(self) -> str:
        return f"{self.units} x {self.measurements}"


@dataclass(frozen=True)
class Template:
    """The study whose units the next one is made of.

    Attributes
    ----------
    rows : DataFrame
        Prepared data, rows in which the models have all of their variables.
    unit, time
        Names of the columns; None for no time.
    times
        Times of which a design with k measurements has the first k; None for evenly spaced ones.
    span
        The first and the last of evenly spaced times; None for those of this study.
    derived
        Columns that are computed from others, as ``data.derive`` has them.
    """

    rows: pd.DataFrame
    unit: str
    time: str | None
    times: Sequence[float] | None = None
    span: tuple[float, float] | None = None
    derived: Mapping[str, str] | None = None

    def times_of(self, measurements: int) -> np.ndarray:
        """Times of the measurements of a unit."""
        if self.times is not None:
            return np.asarray(self.times[:measurements], dtype=float)
        first, last = self.span or (self.rows[self.time].min(), self.rows[self.time].max())
        return np.linspace(first, last, measurements)

    def rows_of(self, cell: Cell, seed: int) -> pd.DataFrame:
        """Rows of a design, as prepared data have them; those of the outcome are placeholders.

        Units are copies of this study's: with their groups, and whatever else does not change within a unit, evenly
        taken from all units in the order of these, so that shares are those of this study up to one unit.

        Parameters
        ----------
        cell
            The design.
        seed
            Of what changes within a unit and is no time.

        Returns
        -------
        DataFrame
            ``units * measurements`` rows, units 1, 2, ... one after the other.

        Raises
        ------
        StudyError
            See ``derive``.
        """
        rng = np.random.default_rng([seed, cell.units, cell.measurements])
        rows = self.rows.reset_index(drop=True)
        copied = self._units_in_order()
        copied = copied[((np.arange(cell.units) + 0.5) * len(copied) / cell.units).astype(int)]
        places = rows.groupby(self.unit, observed=True, sort=False).indices
        # ASSUME: what changes within a unit, and is no time, does not depend on the time.
        chosen = np.concatenate([rng.choice(places[unit], cell.measurements) for unit in copied])
        made = rows.iloc[chosen].reset_index(drop=True)
        made[self.unit] = np.repeat(np.arange(1, cell.units + 1), cell.measurements)
        if self.time is not None:
            made[self.time] = np.tile(self.times_of(cell.measurements), cell.units)
        return self._derived(made.assign(row=np.arange(len(made))))

    def _units_in_order(self) -> np.ndarray:
        """Ids of this study's units, in the order of all that does not change within a unit."""
        by_unit = self.rows.groupby(self.unit, observed=True, sort=True)
        columns = self.rows.columns.drop([self.unit, "row"])
        constant = [column for column in columns if (by_unit[column].nunique(dropna=False) == 1).all()]
        first = by_unit[constant].first() if constant else pd.DataFrame(index=by_unit.size().index)
        return (first.sort_values(constant, kind="stable") if constant else first).index.to_numpy()

    def _derived(self, made: pd.DataFrame) -> pd.DataFrame:
        """Derived columns computed again; not the time, which has its values."""
        again = {name: text for name, text in (self.derived or {}).items() if name != self.time}
        return derive(made.drop(columns=list(again)), again, unit=self.unit, at=lambda row: f"measurement {row + 1}")
