"""The whole study, and what follows from its sections together."""

from typing import Any, Literal

from pydantic import Field

from partialpool.model.families import CUMULATIVE, LINKS, ZERO_INFLATED
from partialpool.model.parts import behind_bars, columns, common_predictors, has_intercept, left_side, trials
from partialpool.model.priors import parse_priors
from partialpool.model.spec import ModelSpec
from partialpool.study.base import Name, Strict
from partialpool.study.data import Data
from partialpool.study.design import Design
from partialpool.study.entries import Comparison, Prediction, Published
from partialpool.study.families import FAMILIES
from partialpool.study.figures import Figure, InterceptsSlopes, PredictionFigure
from partialpool.study.guidelines import Guidelines
from partialpool.study.models import TABLES, Checks, Model, Sampling
from partialpool.study.report import Report
from partialpool.study.simulation import Calibration, Recovery


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
    """Models by name, in the order in which the report shows them."""
    checks: Checks = Checks()
    """Thresholds of the convergence checks, and which checks of models against data and priors there are."""
    on_failed_check: Literal["report", "stop"] = "report"
    """What a failed check does: shown in the report beside the model, or an error."""
    calibration: Calibration = Calibration()
    """What `snakemake calibrate` does."""
    recovery: Recovery = Recovery()
    """What `snakemake recover` does."""
    design: Design | None = None
    """Sizes of the next study, which `snakemake design` simulates."""
    comparisons: dict[Name, Comparison] = Field({})
    """Comparisons by name."""
    predictions: dict[Name, Prediction] = Field({})
    """Predictions by name."""
    figures: dict[Name, Figure] = Field({})
    """Figures by name."""
    published: Published | None = None
    """Printed numbers to check against; left out for a new study."""
    guidelines: Guidelines = Guidelines()
    """What only those who made the study can say of it, for the section *What was reported*."""
    report: Report = Report()
    """Sections of the report: their order, those to hide, and texts of the study's own."""

    def spec(self, model: str) -> ModelSpec:
        """What one fit is made from, besides the data."""
        entry = self.models[model]
        return ModelSpec(
            formula=entry.formula,
            family=entry.family,
            link=entry.link,
            priors=parse_priors(dict(sorted(entry.priors.items()))),
            unit=self.data.unit,
            **self.sampling_of(model).model_dump(),
            complete=self.complete_columns(model),
        )

    def complete_columns(self, model: str) -> tuple[str, ...]:
        """Columns besides its own in which the rows of a model have a value, as a comparison on common rows asks."""
        sharing = (name for name, entry in self.comparisons.items() if entry.rows == "common" and model in entry.models)
        return next((self.columns_shared(name, model) for name in sharing), ())

    def columns_shared(self, comparison: str, model: str) -> tuple[str, ...]:
        """Columns that models of a comparison have and one of them has not, in order of the alphabet."""
        others = {name for other in self.comparisons[comparison].models for name in columns(self.models[other].formula)}
        return tuple(sorted(others - {*columns(self.models[model].formula), self.data.unit}))

    def sampling_of(self, model: str) -> Sampling:
        """Sampler settings of one model: its own, else the study's."""
        own = self.models[model].model_dump(include=set(Sampling.model_fields), exclude_none=True)
        return self.sampling.model_copy(update=own)

    def asked(self, prediction: str) -> dict[str, Any]:
        """What a prediction asks of each of its models: an ``Asked`` as the jobs have it."""
        return self.predictions[prediction].model_dump(exclude={"models"}) | {"seed": self.sampling.seed}

    def may_need_nuts(self, model: str) -> bool:
        """Whether a model may be sampled over all its parameters, before its data are read."""
        return self.models[model].family != "gaussian" or self.sampling_of(model).engine == "nuts"

    def draws_of(self, model: str) -> int:
        """Draws of one model over all chains."""
        sampling = self.sampling_of(model)
        return sampling.chains * sampling.draws

    def values_asked_for(self, model: str) -> dict[str, list[float | str]]:
        """By covariate the values at which predictions of a model are made: numbers before levels."""
        asked = [entry.at for entry in self.predictions.values() if model in entry.models]
        columns = sorted({column for at in asked for column in at})
        values = {column: {value for at in asked for value in at.get(column, ())} for column in columns}
        return {
            name: sorted(those, key=lambda value: (isinstance(value, str), value)) for name, those in values.items()
        }

    @property
    def models_of_design(self) -> list[str]:
        """Models of the next study: the one that its data are drawn from, and those with which it is compared."""
        if self.design is None:
            return []
        compared = self.comparisons[self.design.comparison].models if self.design.comparison else []
        return list(dict.fromkeys([self.design.model, *compared]))

    def figure_models(self, name: str) -> list[str]:
        """Names of the models that a figure of the config shows."""
        figure = self.figures[name]
        if isinstance(figure, PredictionFigure):
            return figure.models or self.predictions[figure.predictions].models
        return [figure.model] if isinstance(figure, InterceptsSlopes) else []

    def at_one_trial(self, prediction: Prediction, model: str) -> bool:
        """Whether a prediction is of successes in one trial, which it names or is the default: a probability."""
        own = trials(self.models[model].formula)
        if not own or prediction.rows is not None:
            return False
        if not {*own} & {*prediction.at}:
            return prediction.average_unit or prediction.population
        return all(list(prediction.at.get(name, ())) == [1] for name in own)

    def of_probabilities(self, figure: str) -> bool:
        """Whether what a figure of the config has of expected values are probabilities: of 1, or of one trial."""
        entry = self.figures[figure]
        if not isinstance(entry, PredictionFigure):
            return False
        prediction = self.predictions[entry.predictions]
        return all(
            self.models[model].family == "bernoulli" or self.at_one_trial(prediction, model)
            for model in self.figure_models(figure)
        )

    def outcome_function(self, model: str) -> str | None:
        """Left side of a model's formula where it is a function of the outcome, as ``log(cost)``; else None."""
        formula = self.models[model].formula
        side = left_side(formula)
        return None if trials(formula) or side.partition("[")[0].strip("`") == self.data.outcome else side.strip("`")

    def modelled(self, model: str) -> str:
        """What a model is of: the outcome by its label, or the function of it that the formula has."""
        return self.data.label(self.outcome_function(model) or self.data.outcome)

    def measured(self, model: str) -> str:
        """``modelled``, with what it is measured in if that is known."""
        return self.data.measured_label(self.outcome_function(model) or self.data.outcome)

    def bounds_of(self, model: str) -> tuple[float | None, float | None] | None:
        """Smallest and largest value of what a model is of; None if its outcome is a function of that of the study."""
        return None if self.outcome_function(model) else self.data.bounds

    def sections_called(self, section: str) -> list[str]:
        """Sections of the report that a figure's `section` may mean: `models.{name}` or `comparisons.{name}`."""
        sections = [*(f"models.{name}" for name in self.models), *(f"comparisons.{name}" for name in self.comparisons)]
        return [known for known in sections if section in (known, known.partition(".")[2])]

    def section_of(self, name: str) -> str | None:
        """The section of the report under which a figure of the config stands; None if it names none."""
        section = self.figures[name].section
        return None if section is None else self.sections_called(section)[0]

    @property
    def all_figures(self) -> list[str]:
        """Names of all figures: those of the config, and those that every model and every comparison has."""
        of_models = [f"{kind}-{model}" for model in self.models for kind in self.figures_of(model)]
        of_comparisons = [f"{kind}-{name}" for name in self.comparisons for kind in ("comparison", "estimates")]
        return [*self.figures, *of_models, *of_comparisons]

    def checks_of(self, model: str) -> list[str]:
        """Tables of the checks of a model: ``results/checks/{model}.{table}.csv``."""
        wanted = [table for check, tables in TABLES.items() if getattr(self.checks, check) for table in tables]
        calibrated = self.checks.predictive and self.models[model].family == "bernoulli"
        return [*wanted, *(["calibration"] if calibrated else [])]

    def figures_of(self, model: str) -> list[str]:
        """Kinds of the figures that a model has without being asked."""
        return [*self.fit_figures_of(model), *self.check_figures]

    def fit_figures_of(self, model: str) -> list[str]:
        """Kinds of the figures of what a model estimates, and of its draws."""
        formula, family = self.models[model].formula, self.models[model].family
        common = common_predictors(formula)
        own_coefficients = self.data.unit in common
        nothing_else = common == [self.data.unit] and not behind_bars(formula) and not has_intercept(formula)
        has_mean = family in (*LINKS, *ZERO_INFLATED, CUMULATIVE)
        kinds = {
            # Those of the units are in the figure of effects.
            "coefficients": not nothing_else or bool(FAMILIES[family].parameters),
            "effects": bool(behind_bars(formula)) or own_coefficients,
            # Without a population there is no average unit.
            "conditional": bool(common) and has_mean and not own_coefficients,
            "diagnostics": True,
        }
        return [kind for kind, is_drawn in kinds.items() if is_drawn]

    @property
    def check_figures(self) -> list[str]:
        """Kinds of the figures of the checks of each model against data and priors."""
        kinds = {
            "prior": self.checks.prior,
            "ppc": self.checks.predictive,
            "pit": self.checks.loo_pit,
            "sensitivity": self.checks.sensitivity,
            "influence": self.checks.influence,
        }
        return [kind for kind, is_drawn in kinds.items() if is_drawn]
