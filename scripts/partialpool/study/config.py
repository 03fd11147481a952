"""The study as a unit writes it: every key, its default, and the checks that cross from one key to another.

The JSON schema in ``workflow/schemas/config.schema.yaml`` is made from these classes (``schema()``), so that editors
complete and check a config file; a test holds the two together.
"""

import json
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WrapValidator,
    field_validator,
    model_validator,
)

from partialpool.errors import StudyError, suggest
from partialpool.model.priors import parse_priors
from partialpool.model.spec import ModelSpec

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A name that becomes a file name: letters, digits, dot, dash and underscore."""
UnitId = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]


def _units(value: Any, handler) -> Any:
    try:
        return handler(value)
    except ValidationError:
        raise ValueError(f"takes 'all', a number of units, or a list of ids, not {value!r}.") from None


Units = Annotated[Literal["all"] | Annotated[int, Field(ge=1)] | list[UnitId], WrapValidator(_units)]
Quantity = Literal["expected", "predicted"]
Engine = Literal["auto", "marginal", "nuts"]
GroupEffects = Literal["auto", "draws", "summary"]


def choose(word: str, choices, what: str) -> None:
    """Raise ValueError, with the choices, unless ``word`` is one of them."""
    choices = list(choices)
    if word not in choices:
        listing = ", ".join(map(str, choices)) or "none"
        raise ValueError(f"there is no {what} '{word}'.{suggest(word, choices)} Valid: {listing}.")


def _mistake(where: tuple, what: str) -> dict:
    """One of several mistakes that a ValidationError tells."""
    return {"type": "value_error", "loc": where, "input": None, "ctx": {"error": ValueError(what)}}


class Strict(BaseModel):
    """Refuses keys that it does not know, and says which it knows."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="wrap")
    @classmethod
    def refuse_unknown_keys(cls, values: Any, handler) -> Any:
        if not isinstance(values, dict):
            return handler(values)
        keys = ", ".join(cls.model_fields)
        unknown = [key for key in values if key not in cls.model_fields]
        mistakes = [
            _mistake((), f"unknown key '{k}'.{suggest(k, cls.model_fields)} Valid keys: {keys}.") for k in unknown
        ]
        try:
            valid = handler({key: value for key, value in values.items() if key not in unknown})
        except ValidationError as error:
            mistakes += error.errors()
        if mistakes:
            raise ValidationError.from_exception_data(cls.__name__, mistakes)
        return valid


class Simulate(Strict):
    """Known parameters of a growth model, from which the data are drawn instead of fetched."""

    seed: int = Field(ge=0)
    """Seed of the simulated data."""
    units: int = Field(ge=2)
    """How many units."""
    waves: int = Field(ge=2)
    """Largest number of measurements of one unit; each has between 1 and this many."""
    intercepts: dict[str, float] = Field(min_length=1)
    """Mean of the outcome at time 0 in each group: `{A: 0.2, B: 0.19}`."""
    slope: float
    """Mean change of the outcome per unit of time."""
    sd_intercept: float = Field(ge=0)
    """Standard deviation of units's intercepts."""
    sd_slope: float = Field(ge=0)
    """Standard deviation of units's slopes."""
    cor: float = Field(ge=-1, le=1)
    """Correlation of units's intercepts and slopes."""
    sigma: float = Field(gt=0)
    """Residual standard deviation."""
    missing_time: int = Field(0, ge=0)
    """How many rows have no time."""


class Nouns(Strict):
    """How figures, captions, equations and the report call things; singular and plural."""

    unit: tuple[str, str] = ("unit", "units")
    """Those who are measured: `[herd, herds]`."""
    measurement: tuple[str, str] = ("measurement", "measurements")
    """One row: `[count, counts]`."""


class Data(Strict):
    """Where the measurements come from, and what its columns mean."""

    source: str | None = Field(None, min_length=1)
    """http(s) URL or path of a CSV file; a path is relative to the working directory."""
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    """Checksum that the file must have; without it the file is taken as it is, and the report says so."""
    simulate: Simulate | None = None
    """Instead of `source`: draw the data from known parameters."""
    outcome: str
    """Column of the measurements, numeric."""
    unit: str
    """Column that says whose measurement it is."""
    time: str | None = None
    """Column of the time of measurement, numeric; may have missing values."""
    group: str | None = None
    """Column of a unit-level group; constant within a unit."""
    nouns: Nouns = Nouns()
    """How the report calls units and measurements: `{unit: [herd, herds]}`."""
    labels: dict[str, str] = {}
    """How columns are called in figures and tables: `{wk: Week}`."""

    @model_validator(mode="after")
    def source_or_simulate(self):
        if (self.source is None) == (self.simulate is None):
            raise ValueError("give either 'source' (a URL or a path) or 'simulate' (parameters), not both or none.")
        if self.source and urlsplit(self.source).scheme not in ("", "http", "https"):
            raise ValueError(f"'source' takes an http(s) URL or a path, not '{self.source}'.")
        roles = {role: getattr(self, role) for role in ("outcome", "unit", "time", "group")}
        named = [column for column in roles.values() if column is not None]
        if len(set(named)) < len(named):
            raise ValueError(f"one column has two roles: {roles}.")
        if self.simulate and (self.time is None or self.group is None):
            raise ValueError("'simulate' needs the names of the columns 'time' and 'group'.")
        if self.simulate and self.simulate.missing_time >= self.simulate.units:
            raise ValueError("'simulate.missing_time' must be smaller than the number of units.")
        return self

    def label(self, column: str | None) -> str:
        """How a column is called in figures and tables."""
        return self.labels.get(column, column)

    @property
    def axis_labels(self) -> dict[str, str]:
        """Labels by role, for the columns that have a role."""
        roles = ("outcome", "unit", "time", "group")
        return {role: self.label(getattr(self, role)) for role in roles if getattr(self, role)}


class Sampling(Strict):
    """Settings of the sampler; each can be overridden for one model."""

    engine: Engine = "auto"
    """What the sampler moves over: `marginal`, the scales, with all coefficients integrated out (Gaussian models with
    normal priors and one grouping factor); `nuts`, all parameters; `auto` takes `marginal` where it applies."""
    group_effects: GroupEffects = "auto"
    """What is kept of each unit's effects: `draws`; `summary`, their mean, sd and 95 % interval; `auto` keeps draws
    unless they would take about a gigabyte."""
    sampler: Literal["nutpie", "pymc"] = "nutpie"
    """Which NUTS: nutpie's or PyMC's own."""
    chains: int = Field(4, ge=2)
    """Number of chains; R-hat needs at least two."""
    warmup: int = Field(1000, ge=1)
    """Warmup iterations per chain, not kept."""
    draws: int = Field(1000, ge=4)
    """Draws kept per chain."""
    target_accept: float | None = Field(None, gt=0, lt=1)
    """Acceptance rate that the step size is adapted to; higher means smaller steps, fewer divergences. By default 0.8
    with the engine `marginal`, whose scales are nearly normal, and 0.95 with `nuts`."""
    seed: int = Field(1, ge=0)
    """Seed of the sampler and of the posterior predictive draws."""


class Model(Strict):
    """One multilevel model."""

    title: str
    """Short name for tables and figures."""
    text: str = ""
    """What the report says about it, in Markdown."""
    formula: str
    """Model formula as in brms and lme4: `y ~ 1 + x + (1 + x | unit)` has correlated effects."""
    family: str = "gaussian"
    """Bambi's name of the family of the outcome."""
    link: str | None = None
    """Link function of the mean; the family's own by default."""
    priors: dict[str, str]
    """Prior of every class of parameters: Intercept, b (or `b[x]`), sd (or `sd[x]`), cor, the family's own (sigma)."""
    engine: Engine | None = None
    """Overrides `sampling.engine` for this model."""
    group_effects: GroupEffects | None = None
    """Overrides `sampling.group_effects` for this model."""
    sampler: Literal["nutpie", "pymc"] | None = None
    """Overrides `sampling.sampler` for this model."""
    chains: int | None = Field(None, ge=2)
    """Overrides `sampling.chains` for this model."""
    warmup: int | None = Field(None, ge=1)
    """Overrides `sampling.warmup` for this model."""
    draws: int | None = Field(None, ge=4)
    """Overrides `sampling.draws` for this model."""
    target_accept: float | None = Field(None, gt=0, lt=1)
    """Overrides `sampling.target_accept` for this model."""
    seed: int | None = Field(None, ge=0)
    """Overrides `sampling.seed` for this model."""

    @field_validator("formula")
    @classmethod
    def has_both_sides(cls, formula: str) -> str:
        left, tilde, right = formula.partition("~")
        if not (left.strip() and tilde and right.strip()):
            raise ValueError(f"'{formula}' is no formula; write outcome ~ terms, as in y ~ 1 + (1 | unit).")
        return formula

    @field_validator("priors")
    @classmethod
    def priors_parse(cls, priors: dict[str, str]) -> dict[str, str]:
        try:
            return {key: str(prior) for key, prior in parse_priors(priors).items()}
        except StudyError as error:
            raise ValueError(str(error)) from None


class Checks(Strict):
    """Thresholds of the convergence checks (Vehtari et al. 2021, Betancourt 2016)."""

    rhat: float = Field(1.01, gt=1)
    """Largest R-hat (rank-normalised, split) of any parameter."""
    ess_bulk: float = Field(400.0, gt=0)
    """Smallest bulk effective sample size of any parameter."""
    ess_tail: float = Field(400.0, gt=0)
    """Smallest tail effective sample size of any parameter."""
    divergences: int = Field(0, ge=0)
    """Largest number of divergent transitions after warmup."""
    ebfmi: float = Field(0.3, gt=0)
    """Smallest energy Bayesian fraction of missing information of any chain."""


class Comparison(Strict):
    """Models compared by leave-one-out cross-validation, on the same rows."""

    title: str
    """Heading in the report."""
    text: str = ""
    """What the report says about it, in Markdown."""
    models: list[str] = Field(min_length=2)
    """Names of two or more models."""


class Prediction(Strict):
    """Values that models give for units observed, or for new ones."""

    models: list[str] = Field(min_length=1)
    """Names of the models."""
    units: Units | None = None
    """Units observed: `all`, a number of them drawn at random (by `sampling.seed`), or their ids."""
    new_units: int | None = Field(None, ge=1)
    """Instead of `units`: so many new units, drawn from the population distribution."""
    at: dict[str, list[Any]] = {}
    """Covariate values at which to predict, crossed; by default those at which each unit was observed."""
    quantities: list[Quantity] = Field(["expected"], min_length=1)
    """`expected`: the mean of the unit's measurements; `predicted`: one new measurement."""

    @model_validator(mode="after")
    def units_or_new(self):
        if (self.units is None) == (self.new_units is None):
            raise ValueError("give either 'units' (all, a number, or a list of ids) or 'new_units' (a number).")
        if isinstance(self.units, list) and len(set(self.units)) < len(self.units):
            raise ValueError("a unit stands twice in 'units'.")
        return self


class FigureBase(Strict):
    """What every figure has."""

    title: str
    """Heading in the report."""
    caption: str
    """What the figure shows; how many draws and whose values is added by itself."""
    alt: str
    """Text for readers who cannot see the figure."""
    section: str | None = None
    """Model or comparison under which the report shows it; by default with the data or the predictions."""


class TrajectoriesFigure(FigureBase):
    """Measurements over time with a least-squares line for each unit."""

    kind: Literal["trajectories"]
    """Kind of figure."""
    units: Units = "all"
    """Units to show: `all`, a number of them drawn at random (by `sampling.seed`), or their ids."""


class PredictionFigure(FigureBase):
    """A figure drawn from one entry of `predictions`."""

    kind: Literal["gradient-intervals", "shrinkage", "half-eyes", "three-poolings", "fitted-trajectories"]
    """Kind of figure."""
    predictions: str
    """Entry of `predictions` to draw."""
    models: list[str] | None = None
    """Models to show; by default all of the entry."""
    units: Units | None = None
    """Units to show, as in `trajectories`; by default all of the entry."""
    reference: bool = False
    """Half-eyes: a dashed line at the mean of all measurements."""
    by_group: bool = False
    """Fitted trajectories: colours for groups instead of units."""


class InterceptsSlopesFigure(FigureBase):
    """Each unit's intercept and slope, and the correlation of the two."""

    kind: Literal["intercepts-slopes"]
    """Kind of figure."""
    model: str
    """Model with effects `(1 + time | unit)`."""


Figure = Annotated[TrajectoriesFigure | PredictionFigure | InterceptsSlopesFigure, Field(discriminator="kind")]


class Published(Strict):
    """Printed numbers to check the results against."""

    folder: str
    """Folder with posterior.csv, loo.csv, predictions.csv, precis.csv, sizes.csv (any of them)."""
    source: str
    """Where the numbers were printed."""
    rename: dict[str, str] = {}
    """Regular expressions from printed names of parameters to ours: `{'b_(.*)': '\\1'}`."""

    @field_validator("rename")
    @classmethod
    def patterns_compile(cls, rename: dict[str, str]) -> dict[str, str]:
        for pattern, replacement in rename.items():
            try:
                re.sub(pattern, replacement, "")
            except (re.error, IndexError) as error:
                raise ValueError(f"'{pattern}: {replacement}' is no substitution: {error}.") from None
        return rename


class Study(Strict):
    """A whole study: data, models, comparisons, predictions, figures, report."""

    title: str
    """Title of the report."""
    text: str = ""
    """Opening of the report, in Markdown."""
    data: Data
    """The measurements."""
    sampling: Sampling = Sampling()
    """Settings of the sampler for all models."""
    models: dict[Name, Model] = Field(min_length=1)
    """Models by name, in the order in which the report tells them."""
    checks: Checks = Checks()
    """Thresholds of the convergence checks."""
    on_failed_check: Literal["report", "stop"] = "report"
    """What a failed check does: shown in the report beside the model, or an error."""
    comparisons: dict[Name, Comparison] = {}
    """Comparisons by name."""
    predictions: dict[Name, Prediction] = {}
    """Predictions by name."""
    figures: dict[Name, Figure] = {}
    """Figures by name."""
    published: Published | None = None
    """Printed numbers to check against; left out for a new study."""

    @model_validator(mode="after")
    def references_hold(self):
        checks = [
            *((self._models, entry.models, f"comparisons.{name}.models") for name, entry in self.comparisons.items()),
            *((self._models, entry.models, f"predictions.{name}.models") for name, entry in self.predictions.items()),
            *((self._figure, name, figure) for name, figure in self.figures.items()),
            *((self._name, name) for name in self.figures),
            *((self._comparison_name, name) for name in self.comparisons),
        ]
        mistakes = []
        for check, *arguments in checks:
            try:
                check(*arguments)
            except ValueError as error:
                where, _, what = str(error).partition(": ")
                mistakes.append(_mistake((where,), what))
        if mistakes:
            raise ValidationError.from_exception_data("Study", mistakes)
        return self

    def _models(self, models: list[str], where: str) -> None:
        for model in models:
            _at(where, choose, model, self.models, "model")
        if len(set(models)) < len(models):
            raise ValueError(f"{where}: a model stands twice.")

    def _comparison_name(self, comparison: str) -> None:
        if comparison in self.models:
            raise ValueError(f"comparisons.{comparison}: a model has this name; choose another.")

    def _name(self, figure: str) -> None:
        taken = [f"{kind}-{name}" for name in self.models for kind in ("diagnostics", "ppc")]
        taken += [f"comparison-{name}" for name in self.comparisons]
        if figure in taken:
            raise ValueError(f"figures.{figure}: this figure is made by itself; choose another name.")

    def _figure(self, name: str, figure: Figure) -> None:
        where = f"figures.{name}"
        if figure.section is not None:
            _at(
                f"{where}.section",
                choose,
                figure.section,
                [*self.models, *self.comparisons],
                "section",
            )
        needs_time = figure.kind in ("trajectories", "fitted-trajectories", "intercepts-slopes")
        if needs_time and self.data.time is None:
            raise ValueError(f"{where}: '{figure.kind}' needs 'data.time'.")
        if isinstance(figure, InterceptsSlopesFigure):
            _at(f"{where}.model", choose, figure.model, self.models, "model")
        if not isinstance(figure, PredictionFigure):
            return
        _at(f"{where}.predictions", choose, figure.predictions, self.predictions, "prediction")
        prediction = self.predictions[figure.predictions]
        for model in figure.models or []:
            _at(f"{where}.models", choose, model, prediction.models, "model in these predictions")
        if isinstance(prediction.units, list) and isinstance(figure.units, list):
            for unit in figure.units:
                _at(
                    f"{where}.units",
                    choose,
                    unit,
                    prediction.units,
                    "unit in these predictions",
                )
        wanted = {"shrinkage": 2, "half-eyes": 1, "three-poolings": 1, "fitted-trajectories": 1}
        models = self.figure_models(name)
        if len(models) != wanted.get(figure.kind, len(models)):
            raise ValueError(
                f"{where}.models: '{figure.kind}' shows {wanted[figure.kind]} model(s), not {len(models)}: "
                f"{', '.join(models)}. Choose with 'models: [...]'."
            )
        for key, kind in (("reference", "half-eyes"), ("by_group", "fitted-trajectories")):
            if getattr(figure, key) and figure.kind != kind:
                raise ValueError(f"{where}.{key}: belongs to '{kind}', not to '{figure.kind}'.")
        if figure.by_group and self.data.group is None:
            raise ValueError(f"{where}.by_group: needs 'data.group'.")

    def figure_models(self, name: str) -> list[str]:
        """Names of the models that a figure shows."""
        figure = self.figures[name]
        if isinstance(figure, PredictionFigure):
            return figure.models or self.predictions[figure.predictions].models
        return [figure.model] if isinstance(figure, InterceptsSlopesFigure) else []

    def sampling_of(self, model: str) -> Sampling:
        """Sampler settings of one model: its own, else the study's."""
        own = {key: getattr(self.models[model], key) for key in Sampling.model_fields}
        return self.sampling.model_copy(update={k: v for k, v in own.items() if v is not None})

    def draws_of(self, model: str) -> int:
        """Draws of one model over all chains."""
        sampling = self.sampling_of(model)
        return sampling.chains * sampling.draws

    def spec(self, model: str) -> ModelSpec:
        """What one fit is made from, besides the data."""
        entry = self.models[model]
        return ModelSpec(
            formula=" ".join(entry.formula.split()),
            family=entry.family,
            link=entry.link,
            priors=parse_priors(dict(sorted(entry.priors.items()))),
            unit=self.data.unit,
            **self.sampling_of(model).model_dump(),
        )

    @property
    def all_figures(self) -> list[str]:
        """Names of all figures: those of the config and those that every model and comparison has."""
        return [
            *self.figures,
            *(f"{kind}-{model}" for model in self.models for kind in ("diagnostics", "ppc")),
            *(f"comparison-{name}" for name in self.comparisons),
        ]


def _at(where: str, check, *arguments) -> None:
    """Run a check and say where it failed."""
    try:
        check(*arguments)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def load(config: dict[str, Any], file: str = "config/config.yaml") -> Study:
    """Check a configuration and complete it with defaults.

    Parameters
    ----------
    config
        The mapping as read from YAML.
    file
        Name of the file, for messages.

    Raises
    ------
    StudyError
        All that is wrong, each with its key and the valid choices.
    """
    try:
        # Through JSON, because YAML readers hand over ordered dicts and other mappings.
        return Study.model_validate(json.loads(json.dumps(config, default=str)))
    except ValidationError as error:
        lines = [f"  {_where(entry['loc'])}: {_what(entry)}" for entry in error.errors()]
        shown = lines[:15] + ([f"  ... and {len(lines) - 15} more"] if len(lines) > 15 else [])
        raise StudyError(
            f"The configuration ({file}) has {len(lines)} mistake{'s' * (len(lines) > 1)}:\n"
            + "\n".join(shown)
            + "\nEvery key is described in config/README.md."
        ) from None


def _where(location: tuple) -> str:
    if location[:1] == ("figures",):
        # Pydantic puts the kind of the figure between its name and its keys.
        location = location[:2] + location[3:]
    path = ""
    for part in location:
        if part == "[key]":
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".") or "top level"


def _what(entry: dict) -> str:
    message = entry["msg"].removeprefix("Value error, ")
    if entry["type"] == "missing":
        return "this key is missing."
    if entry["type"] == "union_tag_invalid":
        kinds = re.findall(r"'([^']+)'", entry["ctx"]["expected_tags"])
        return (
            f"there is no kind '{entry['ctx']['tag']}'.{suggest(entry['ctx']['tag'], kinds)} Valid: {', '.join(kinds)}."
        )
    if entry["type"] == "union_tag_not_found":
        return "the key 'kind' is missing."
    if entry["type"] == "value_error":
        return message
    return f"{message} (it is {entry['input']!r})."


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration file."""
    return Study.model_json_schema()
