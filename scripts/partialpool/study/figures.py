"""The section `figures`: one class a kind."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from partialpool.study.base import Strict, Units


class _Figure(Strict):
    """What every figure has."""

    over_time: ClassVar[bool] = False
    """Whether it shows time, so that the data must have it."""
    only_means: ClassVar[bool] = False
    """Whether it shows posterior means without intervals."""

    title: str
    """Heading in the report."""
    caption: str
    """What the figure shows; how many draws and whose values is added by itself."""
    alt: str
    """Text for readers who cannot see the figure."""
    section: str | None = None
    """Model or comparison under which the report shows it, `models.x` or `comparisons.x` where both have the name; by
    default with the data or the predictions."""


class Trajectories(_Figure):
    """Measurements over time with a least-squares line for each unit."""

    over_time: ClassVar[bool] = True

    kind: Literal["trajectories"]
    """Measurements over time with a least-squares line for each unit."""
    units: Units = "all"
    """Units to show: `all`, a number of them drawn at random (by `sampling.seed`), or their ids."""


class PredictionFigure(_Figure):
    """A figure drawn from one entry of `predictions`."""

    n_models: ClassVar[int | None] = None
    """How many models it shows; None if any number."""
    of_changes: ClassVar[bool] = False
    """Whether it shows more than values of units: contrasts, slopes, averages, the average unit and the population."""

    predictions: str
    """Entry of `predictions` to draw."""
    models: list[str] | None = None
    """Models to show; by default all of the entry."""
    units: Units | None = None
    """Units to show, as in `trajectories`; by default all of the entry."""


class GradientIntervals(PredictionFigure):
    """Every unit's posterior as a gradient, one panel a model."""

    kind: Literal["gradient-intervals"]
    """Every unit's posterior as a gradient, one panel a model."""


class Shrinkage(PredictionFigure):
    """The estimates of two models, joined for each unit."""

    n_models: ClassVar[int | None] = 2
    only_means: ClassVar[bool] = True

    kind: Literal["shrinkage"]
    """The estimates of two models, joined for each unit."""


class HalfEyes(PredictionFigure):
    """Posterior of each unit; two quantities are overlaid."""

    n_models: ClassVar[int | None] = 1

    kind: Literal["half-eyes"]
    """Posterior of each unit; two quantities are overlaid."""
    reference: bool = False
    """A dashed line at the mean of all measurements."""


class ThreePoolings(PredictionFigure):
    """No, partial and complete pooling."""

    n_models: ClassVar[int | None] = 1
    only_means: ClassVar[bool] = True

    kind: Literal["three-poolings"]
    """No, partial and complete pooling."""


class FittedTrajectories(PredictionFigure):
    """Expected values over time."""

    n_models: ClassVar[int | None] = 1
    only_means: ClassVar[bool] = True
    over_time: ClassVar[bool] = True

    kind: Literal["fitted-trajectories"]
    """Expected values over time."""
    by_group: bool = False
    """Colours for groups instead of units."""


class Grid(PredictionFigure):
    """Values over a covariate, of the average unit, the population or some units: a line with a ribbon, or points."""

    of_changes: ClassVar[bool] = True

    kind: Literal["grid"]
    """Values over a covariate: a line with a ribbon for a number, points with intervals for a category; one panel a
    model."""
    x: str
    """Covariate along the horizontal axis."""
    by: str | None = None
    """Covariate, or the unit, whose values have colours."""
    measurements: bool = True
    """Whether to show the measurements behind expected values."""


class InterceptsSlopes(_Figure):
    """Each unit's intercept and slope, and the correlation of the two."""

    over_time: ClassVar[bool] = True

    kind: Literal["intercepts-slopes"]
    """Each unit's intercept and slope, and the correlation of the two."""
    model: str
    """Model with effects `(1 + time | unit)`."""
    units: Units = "all"
    """Units to show, as in `trajectories`."""


Figure = Annotated[
    Trajectories
    | GradientIntervals
    | Shrinkage
    | HalfEyes
    | ThreePoolings
    | FittedTrajectories
    | Grid
    | InterceptsSlopes,
    Field(discriminator="kind"),
]
