"""The section `design`: how many units and measurements the next study needs."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from partialpool.study.base import Name, Strict
from partialpool.study.entries import Estimand
from partialpool.study.simulation import Replicates

_Count = Annotated[int, Field(ge=1, le=1000)]
_Units = Annotated[int, Field(ge=2, le=1_000_000)]


class Goal(Strict):
    """What the next study shall reach, and how surely."""

    parameter: str | None = None
    """Which parameter, or difference of two, it is about."""
    width: float | None = Field(None, gt=0)
    """Its 95 % interval is at most so wide."""
    sign: bool = False
    """Instead: its 95 % interval does not contain 0."""
    rope: bool = False
    """Instead: its 95 % interval is outside of its region of practical equivalence, `design.rope`."""
    comparison: Estimand | None = None
    """Instead of `parameter`: for this estimand, leave-one-out cross-validation puts the model in front that the data
    are drawn from."""
    probability: float = Field(0.8, gt=0, lt=1)
    """In which share of studies that happens, at least."""

    @model_validator(mode="after")
    def of_one_kind(self):
        """Refuse goals of several kinds, or of none."""
        asked = (self.width is not None, self.sign, self.rope)
        if self.comparison is not None and self.parameter is None and not any(asked):
            return self
        if self.comparison is not None or self.parameter is None or sum(asked) != 1:
            raise ValueError(
                "give 'parameter' and one of 'width' (a number), 'sign: true' and 'rope: true'; or 'comparison' alone "
                "(observation or unit)."
            )
        return self


class Design(Replicates):
    """How many units and how many measurements of each: studies of several sizes, simulated and fitted."""

    model: str
    """Name of the model that the data are drawn from, and that is fitted to them."""
    units: list[_Units] = Field(min_length=1)
    """Numbers of units: `[50, 100, 200]`."""
    measurements: list[_Count] = Field(min_length=1)
    """Numbers of measurements of each unit: `[2, 3, 4]`. Each number of units is combined with each of these."""
    times: list[float] | None = Field(None, min_length=1)
    """Times of measurement, of which a design with k measurements has the first k."""
    span: tuple[float, float] | None = None
    """Instead: first and last time, between which measurements are evenly spaced; by default those of this study."""
    truth: dict[str, float] = Field({})
    """Parameters that are assumed: `{month: -0.5}`. Each simulated study takes the others from one draw of the
    posterior of this study."""
    parameters: list[str] | None = Field(None, min_length=1)
    """Parameters whose intervals are looked at, and differences of two, `group[B] - group[A]`; by default all common
    coefficients."""
    rope: dict[str, tuple[float, float]] = Field({})
    """Regions of practical equivalence, by parameter: `{month: [-0.2, 0.2]}`."""
    comparison: str | None = None
    """Name of a comparison with `model` in it: how often it puts `model` in front."""
    goals: dict[Name, Goal] = Field({})
    """Goals by name; for each the smallest design that reaches it is named."""
    batch: int = Field(25, ge=1)
    """How many data sets of every design a job makes and fits. The results do not depend on it."""

    @property
    def named_elsewhere(self) -> list[str]:
        """What regions and goals are about, in their order."""
        of_goals = (goal.parameter for goal in self.goals.values() if goal.parameter is not None)
        return list(dict.fromkeys([*self.rope, *of_goals]))

    @field_validator("units", "measurements")
    @classmethod
    def in_order(cls, counts: list[int]) -> list[int]:
        """From the smallest to the largest."""
        if twice := [count for count in counts if counts.count(count) > 1]:
            raise ValueError(f"{twice[0]} stands twice.")
        return sorted(counts)

    @model_validator(mode="after")
    def fits_together(self):
        """Refuse times that are not enough or given twice, and regions that are none."""
        if self.times is not None and self.span is not None:
            raise ValueError("give either 'times' or 'span'.")
        if self.times is not None and len(self.times) < max(self.measurements):
            raise ValueError(
                f"'times' has {len(self.times)} values, and a design has {max(self.measurements)} measurements."
            )
        if self.span is not None and self.span[0] >= self.span[1]:
            raise ValueError("'span' takes two numbers, the smaller first.")
        for name, (low, high) in self.rope.items():
            if low >= high:
                raise ValueError(f"'rope' of '{name}' takes two numbers, the smaller first.")
        for name, goal in self.goals.items():
            if goal.rope and goal.parameter not in self.rope:
                raise ValueError(f"goal '{name}' needs 'rope: {{{goal.parameter}: [low, high]}}'.")
            if goal.comparison is not None and self.comparison is None:
                raise ValueError(f"goal '{name}' needs 'comparison', the name of one.")
        return self
