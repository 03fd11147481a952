"""Titles, captions and alternative texts of figures and tables, in the nouns of the study."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from partialpool.figures.limits import MOST_EFFECTS, MOST_UNITS
from partialpool.model.families import COUNTS, CUMULATIVE, OF_LEVELS, OF_TRIALS
from partialpool.model.parts import behind_bars, common_predictors, predictors, trials
from partialpool.report.whose import at_which, of_what, of_whom
from partialpool.report.words import capitalised, ended
from partialpool.study.figures import FittedTrajectories, Grid, InterceptsSlopes, PredictionFigure
from partialpool.study.grids import measured_outcome
from partialpool.study.study import Study


@dataclass(frozen=True)
class Known:
    """What is known beside the configuration; without data and fits nothing is.

    Attributes
    ----------
    sampling
        By model how its draws were made, ``independent`` or ``nuts``.
    units
        How many units the data have.
    levels
        By model the number of levels of the grouping factor that has most, or of units with a coefficient each.
    """

    sampling: Mapping[str, str] = field(default_factory=dict)
    units: float = math.inf
    levels: Mapping[str, int] = field(default_factory=dict)


NOTHING = Known()
# Figures that models have, by their kind.
OF_MODELS = {
    "coefficients": "estimates",
    "effects": "group-level effects",
    "conditional": "conditional effects",
    "prior": "priors",
    "ppc": "posterior predictive check",
    "pit": "leave-one-out probabilities",
    "sensitivity": "sensitivity to priors and data",
    "influence": "influence",
    "diagnostics": "diagnostics",
}
# What a sampler shows of itself, and what its draws are called, by the sampler that ran.
OF_SAMPLER = {
    "nuts": (
        "Below, the energy of the sampler, which should be spread no wider than the steps between draws.",
        "draws after warmup",
    ),
    "independent": (
        "Below, by chain, the share of draws whose importance weight is at least so large: it should fall steeply near "
        "zero. A long tail to the right would be a part of the posterior that is proposed too rarely, and a step in it "
        "a chain that stays there.",
        "independent draws",
    ),
}


def figure_title(study: Study, name: str) -> str:
    """Heading of a figure.

    Parameters
    ----------
    study
        The study.
    name
        A figure of the config, ``{kind}-{model}`` with a kind of ``OF_MODELS``, ``comparison-{comparison}`` or
        ``estimates-{comparison}``.
    """
    if name in study.figures:
        return study.figures[name].title
    kind, _, of = name.partition("-")
    if kind == "comparison":
        return study.comparisons[of].title
    if kind == "estimates":
        return f"{study.comparisons[of].title} Estimates side by side"
    of_model = OF_MODELS[kind]
    if kind == "effects" and not behind_bars(study.models[of].formula):
        of_model = f"coefficients of the {study.data.nouns.unit[1]}"
    return f"{study.models[of].title}: {of_model}"


def alt(study: Study, name: str, known: Known = NOTHING) -> str:
    """Text for readers who cannot see a figure; see ``caption``."""
    return study.figures[name].alt if name in study.figures else caption(study, name, known)


def caption(study: Study, name: str, known: Known = NOTHING) -> str:
    """What a figure shows, from how many draws, and whose values.

    Parameters
    ----------
    study
        The study.
    name
        See ``figure_title``.
    known
        What is known of data and fits.
    """
    if name in study.figures:
        return f"{ended(study.figures[name].caption.strip())} {draws_sentence(study, name, known)}"
    kind, _, of = name.partition("-")
    if kind == "comparison":
        return _comparison(study, of)
    if kind == "estimates":
        return _side_by_side(study, of)
    if kind == "diagnostics":
        return _diagnostics(study, of, known.sampling.get(of))
    if kind == "effects":
        return capitalised(_effects(study, of, known.levels.get(of, math.inf)))
    return capitalised(DESCRIPTIONS[kind](study, of))


def for_snakemake(study: Study, known: Known = NOTHING) -> dict[str, str | dict[str, str]]:
    """What Snakemake's own report says: ``title`` of the study, ``captions`` of all figures by name.

    It takes reStructuredText; here every character stands for itself. For ``known`` see ``caption``.
    """
    captions = {name: _literal(caption(study, name, known)) for name in study.all_figures}
    return {"title": _literal(study.title), "captions": captions}


def _literal(words: str) -> str:
    """Words on one line with a backslash before all that is neither a letter, a number nor a space."""
    return re.sub(r"([^\w\s]|_)", r"\\\1", " ".join(words.split()))


def draws_sentence(study: Study, name: str, known: Known = NOTHING) -> str:
    """Whose values a figure of the config shows, with which interval, from how many draws."""
    figure, models, units = study.figures[name], study.figure_models(name), study.data.nouns.unit[1]
    if isinstance(figure, Grid):
        return _grid(study, name)
    some = f", {MOST_UNITS} at random where there are more" if _may_have_many_units(study, name, known) else ""
    if not models:
        whose = f" of {units}{some}" if some else ""
        return f"{capitalised(study.data.nouns.measurement[1])} only{whose}: no model, no draws."
    shown = "means" if figure.only_means else "means and 95 % equal-tailed intervals"
    if isinstance(figure, InterceptsSlopes):
        some, shown = "", f"{shown} (of more than {MOST_UNITS} {units} means only)" if some else shown
    whose = capitalised(whose_values(study, name))
    return f"{whose}{some}: posterior {shown}; draws: {draws_of_models(study, models)}."


def _grid(study: Study, name: str) -> str:
    """Of whom and where the values of a figure of kind `grid` are, with which intervals, from how many draws."""
    figure = study.figures[name]
    prediction = study.predictions[figure.predictions]
    words = f"{of_whom(study, prediction)}{at_which(study, prediction)}{of_what(study, prediction)}"
    formulas = [study.models[model].formula for model in study.figure_models(name)]
    others = {column for formula in formulas for column in common_predictors(formula)} - {figure.x, figure.by}
    whatever = f", whatever their {' and '.join(sorted(map(study.data.label, others)))}" if others else ""
    points = f"; points are {study.data.nouns.measurement[1]}{whatever}" if measured_outcome(study, name) else ""
    how_many = draws_of_models(study, study.figure_models(name))
    return f"{capitalised(words)}: posterior means and 95 % equal-tailed intervals{points}; draws: {how_many}."


def draws_of_models(study: Study, models: Iterable[str]) -> str:
    """How many draws each model has: ``4000 of Growth, 2000 of Intercepts``."""
    return ", ".join(f"{study.draws_of(model)} of {study.models[model].title}" for model in models)


def _may_have_many_units(study: Study, name: str, known: Known) -> bool:
    """Whether the config leaves it to a figure how many units it shows, and they may be more than ``MOST_UNITS``."""
    figure = study.figures[name]
    if figure.units not in (None, "all"):
        return False
    if not isinstance(figure, PredictionFigure):
        return known.units > MOST_UNITS
    prediction = study.predictions[figure.predictions]
    predicted = prediction.new_units or prediction.units
    if predicted == "all":
        return known.units > MOST_UNITS
    return (predicted if isinstance(predicted, int) else len(predicted)) > MOST_UNITS


def whose_values(study: Study, name: str) -> str:
    """Whose values a figure of predictions or effects shows."""
    figure, (unit, units) = study.figures[name], study.data.nouns.unit
    if isinstance(figure, InterceptsSlopes):
        return f"observed {units}"
    prediction = study.predictions[figure.predictions]
    whose = f"{' and '.join(prediction.quantities)} values of {'new' if prediction.new_units else 'observed'} {units}"
    if "expected" not in prediction.quantities or not (columns := averaged_over(study, name)):
        return whose
    *others, last = map(study.data.label, columns)
    several = f"{', '.join(others)} and {last}" if others else last
    which = ", the expected ones" if len(prediction.quantities) > 1 else ","
    return f"{whose}{which} averaged over each {unit}'s values of {several}"


def averaged_over(study: Study, name: str) -> list[str]:
    """Covariates over whose values a figure of predictions averages the expected values of a unit."""
    figure, data = study.figures[name], study.data
    at = study.predictions[figure.predictions].at
    shown = {data.unit, *(column for column, values in at.items() if len(values) == 1)}
    if isinstance(figure, FittedTrajectories):
        shown |= {data.time, data.group} if figure.by_group else {data.time}
    if data.group not in at:
        # It is the same in all rows of a unit.
        shown.add(data.group)
    formulas = [study.models[model].formula for model in study.figure_models(name)]
    named = (column for formula in formulas for column in (*predictors(formula), *trials(formula)))
    return [column for column in dict.fromkeys(named) if column not in shown]


def rows_used(study: Study) -> str:
    """Which rows models are fitted on."""
    shared = [entry.title for entry in study.comparisons.values() if entry.rows == "common"]
    own = "Rows that each model uses: those with a value in all of its variables"
    if not shared:
        return own
    return f"{own}; of those compared on common rows ({'; '.join(shared)}), the rows that all of them have"


def estimates(study: Study, model: str, link: str) -> str:
    """What the table of the common coefficients and scales of a model shows, of which ``link`` is the link."""
    return f"Common coefficients and scales{_on_the_scale(study, model, link)}: {study.draws_of(model)} draws"


def variance(study: Study, model: str) -> str:
    """What the table of R2, intraclass correlations and ratios of a model shows."""
    return f"How large the effects of {study.models[model].title} are: means and 95 % equal-tailed intervals"


def group_effects(study: Study, model: str, link: str) -> str:
    """What the table of the group-level effects of a model shows; see ``estimates``."""
    deviations = f"deviations from the population{_on_the_scale(study, model, link)}"
    return f"Group-level effects ({deviations}): {study.draws_of(model)} draws"


def _on_the_scale(study: Study, model: str, link: str) -> str:
    if link != "identity":
        return f", on the {link} scale"
    function = study.outcome_function(model)
    return f", on the scale of {function}" if function else ""


def summarised(model: str, effects: int) -> str:
    """Where the group-level effects of a model are, if its fit keeps a summary of so many of them."""
    return (
        f"Of {effects} group-level effects the fit keeps mean, sd and 95 % interval in the place of draws: they are in "
        f"results/models/{model}.nc, group group_effects."
    )


def predictions(study: Study, name: str) -> str:
    """Whose values a table of predictions has, what they are and where, and from how many draws."""
    prediction = study.predictions[name]
    draws = ", ".join(f"{study.draws_of(model)} of {model}" for model in prediction.models)
    outcome = " and ".join(dict.fromkeys(study.measured(model) for model in prediction.models))
    if any(study.models[model].family in OF_LEVELS for model in prediction.models):
        outcome = f"Probability of each level of {study.data.label(study.data.outcome)}"
    words = f"{of_whom(study, prediction)}{at_which(study, prediction)}{of_what(study, prediction)}"
    return f"{outcome}: {words}; draws: {draws}"


def bayes_factors(study: Study, best: str) -> str:
    """Which priors the columns of a table of Bayes factors have; ``best`` is the model that they are against."""
    return (
        f"Log Bayes factors against {study.models[best].title}, in nats, with the scales of all priors of all models "
        "halved, as configured, and doubled"
    )


def _comparison(study: Study, comparison: str) -> str:
    unit, (measurement, measurements) = study.data.nouns.unit[0], study.data.nouns.measurement
    entry = study.comparisons[comparison]
    draws = ", ".join(f"{model} {study.draws_of(model)}" for model in entry.models)
    words = {
        "observation": f"for one new {measurement} of an already observed {unit}",
        "unit": f"for all {measurements} of a new {unit}",
    }
    what = [text for estimand, text in words.items() if estimand in (entry.estimands or words)]
    # Whether units can be had without folds is known from the fits only.
    joint = ", and " if entry.estimands else ", and, where that takes no other fits, "
    return (
        "Expected log predictive density by leave-one-out cross-validation, with its standard error, and its "
        f"difference from the best model: {joint.join(what)}; draws: {draws}. Intervals here are plus and minus one "
        "standard error."
    )


def _side_by_side(study: Study, comparison: str) -> str:
    draws = ", ".join(f"{model} {study.draws_of(model)}" for model in study.comparisons[comparison].models)
    return (
        f"Common coefficients and scales, for each model that has them: posterior means, 66 and 95 % equal-tailed "
        f"intervals; draws: {draws}. Each parameter has a range of its own."
    )


def _coefficients(study: Study, model: str) -> str:
    return (
        f"common coefficients and scales; posterior means, 66 and 95 % equal-tailed intervals, {study.draws_of(model)} "
        "draws."
    )


def _effects(study: Study, model: str, levels: float) -> str:
    """Of units with a common coefficient each there is no population."""
    intervals = f"posterior means and 95 % equal-tailed intervals, {study.draws_of(model)} draws"
    some = f"{MOST_EFFECTS} at random where there are more, " if levels > MOST_EFFECTS else ""
    if not behind_bars(study.models[model].formula):
        return f"coefficients of the observed {study.data.nouns.unit[1]}, {some}in order: {intervals}."
    return (
        f"group-level effects, {some}in order: {intervals}. They are deviations from the population, whose central "
        "66 and 95 % are the bands behind."
    )


def _conditional(study: Study, model: str) -> str:
    unit, outcome = study.data.nouns.unit[0], study.modelled(model)
    entry = study.models[model]
    what = {CUMULATIVE: "probability of each level of", **dict.fromkeys(("bernoulli", *OF_TRIALS), "probability of")}
    mean = f"{what.get(entry.family, 'mean of')} {outcome}"
    average = "" if not behind_bars(entry.formula) else f" for the average {unit}, whose group-level effects are 0"
    new = ""
    populations = [text.strip("`").partition("/")[0] for text in behind_bars(entry.formula)]
    if entry.family != CUMULATIVE and study.data.unit in populations:
        new = f" The fainter and wider interval is that of a new {unit}."
    return (
        f"{mean}{average}, as one predictor varies and the others are at their mean or their first level; "
        f"posterior means and 95 % equal-tailed intervals, {study.draws_of(model)} draws.{new}"
    )


def _diagnostics(study: Study, model: str, sampling: str | None) -> str:
    of_sampler, draws = OF_SAMPLER.get(sampling, ("", "draws"))
    return (
        f"Traces and ranks of parameters by chain; {study.draws_of(model)} {draws}. If the chains agree, their rank "
        f"distributions are nearly equal. {of_sampler}"
    ).rstrip()


def _predictive_check(study: Study, model: str) -> str:
    units, measurements = study.data.nouns.unit[1], study.data.nouns.measurement[1]
    family, left = study.models[model].family, ""
    if family == "bernoulli":
        left = (
            " Left, how often the outcome is a success where the model predicts it, knowing all others, with some "
            "probability (isotonic regression), with the central 95 % of data sets with these probabilities; right "
            "predictions lie on the diagonal."
        )
    elif family in COUNTS:
        left = " Left, how often each count is there, with mean and central 95 % of replicated data sets."
    return (
        f"the {measurements} against data sets replicated from the posterior predictive distribution of the observed "
        f"{units}, each from one of {study.draws_of(model)} draws.{left} Right, statistics of the data (points) among "
        "the central 95 % of those of replicated data sets (bars); p is the share of these that are at least as large."
        f"{_counted(family)}"
    )


def _counted(family: str) -> str:
    """How levels of an outcome become numbers."""
    if family not in OF_LEVELS:
        return ""
    no_order = ", though they have no order" if family == "categorical" else ""
    return f" Levels count as 1, 2, 3 as they are listed{no_order}."


def _priors(study: Study, model: str) -> str:
    measurements, outcome = study.data.nouns.measurement[1], study.modelled(model)
    shares = "shares of successes" if study.models[model].family == "bernoulli" else measurements
    return (
        f"in the first panel what the priors say of {outcome}, and the data below: median and central 66 and 95 % of "
        f"{shares}. In the others parameters under their priors and posteriors: medians, 66 and 95 % equal-tailed "
        f"intervals, {study.draws_of(model)} draws of the posterior. Where there are many parameters, those are shown "
        "that the data narrow least."
    )


def _pit(study: Study, model: str) -> str:
    measurement, measurements = study.data.nouns.measurement
    return (
        f"the probability that each {measurement} would be at most as large as it was, from the model and all other "
        f"{measurements}. If the model is right these probabilities are uniform: their distribution function less that "
        "of uniform ones is near 0, and in the band everywhere with probability 95 %. A curve that rises first and "
        f"then falls below 0 is of {measurements} that vary more than the model expects. It is computed from as "
        f"many of {study.draws_of(model)} draws as it needs.{_counted(study.models[model].family)}"
    )


def _sensitivity(study: Study, model: str) -> str:
    return (
        "how far posterior means move, in posterior standard deviations, if the densities of all priors, or of the "
        "data, are raised to a power, so that they count less or more; from new draws where these take a moment, else "
        f"from {study.draws_of(model)} draws by importance weights."
    )


def _influence(study: Study, model: str) -> str:
    unit, units = study.data.nouns.unit
    return (
        f"by {unit}, the log density that the model gives to its data without having seen them (small where they are "
        f"surprising), and how far the estimate that moves most would move without the {unit}. Named are the {units} "
        f"that move one most. By importance weights of some of {study.draws_of(model)} draws; without the first few of "
        f"these {units} the model is fitted again where that takes a moment."
    )


DESCRIPTIONS = {
    "coefficients": _coefficients,
    "conditional": _conditional,
    "prior": _priors,
    "ppc": _predictive_check,
    "pit": _pit,
    "sensitivity": _sensitivity,
    "influence": _influence,
}
