"""What one entry of `predictions` asks for."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """Of whom, where and what to predict, as the config has it.

    Attributes
    ----------
    units
        Observed units: ``"all"``, the number of units to draw at random, ids, or None.
    new_units
        Instead: the number of new units.
    average_unit, population
        Instead: a unit whose group-level effects are 0; the mean over all units.
    at
        Values of covariates, crossed.
    rows
        Instead: ``observed``, or the path of a file.
    quantities
        ``expected``: the mean of the distribution of the unit's measurements. ``predicted``: one new measurement.
    contrast
        A covariate and two of its values; the second is compared with the first.
    ratio
        Whether it is divided by it.
    slope
        Covariate by which expected values are differentiated.
    average, by
        Whether to average over all rows, or over those with the same value of a column.
    rope
        Ends of the region of practical equivalence.
    seed
        Of the units drawn at random, which are so the same for all models.
    """

    units: str | int | list[str] | None = None
    new_units: int | None = None
    average_unit: bool = False
    population: bool = False
    at: dict[str, list] = field(default_factory=dict)
    rows: str | None = None
    quantities: list[str] = field(default_factory=lambda: ["expected"])
    contrast: dict[str, list] | None = None
    ratio: bool = False
    slope: str | None = None
    average: bool = False
    by: str | None = None
    rope: tuple[float, float] | None = None
    seed: int = 1

    @property
    def of_units(self) -> bool:
        """Whether it is of units that have effects, and not of the average unit or the population."""
        return not self.average_unit and not self.population

    @property
    def averages(self) -> bool:
        """Whether rows are averaged over."""
        return self.average or self.by is not None

    @property
    def no_difference(self) -> float:
        """What a contrast or a slope is where nothing differs: 1 for a ratio, else 0."""
        return float(self.ratio)
