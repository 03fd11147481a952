"""Checks across keys: names that must be those of another section, and models that cannot be compared."""

from collections.abc import Iterable, Iterator

from partialpool.data.expression import columns as made_from
from partialpool.data.expression import parse, together
from partialpool.errors import suggest
from partialpool.model.families import OF_LEVELS, PARENTS
from partialpool.model.parts import columns, covariates, left_side
from partialpool.study.base import unknown
from partialpool.study.design import Design
from partialpool.study.entries import Comparison, Prediction
from partialpool.study.figures import Figure, FittedTrajectories, InterceptsSlopes, PredictionFigure
from partialpool.study.messages import Mistake
from partialpool.study.report import SECTIONS, Report
from partialpool.study.simulation import OfModels
from partialpool.study.study import Study


def mistakes(study: Study) -> Iterator[Mistake]:
    """All mistakes across entries, in a study in which every entry by itself is right."""
    for section in ("models", "comparisons", "predictions", "figures"):
        yield from _same_files(section, getattr(study, section))
    for name in study.models:
        yield from _engine(study, name)
    for name, comparison in study.comparisons.items():
        yield from _comparison(study, name, comparison)
    for name, prediction in study.predictions.items():
        yield from _models(study, prediction, f"predictions.{name}.models")
        yield from _covariates(study, prediction, f"predictions.{name}")
    for name, figure in study.figures.items():
        yield from _figure(study, name, figure)
    for key in ("calibration", "recovery"):
        if (section := getattr(study, key)).models:
            yield from _models(study, section, f"{key}.models")
    if study.design is not None:
        yield from _design(study, study.design)
    yield from _report(study.report)


def _why_not_marginal(study: Study, name: str) -> str | None:
    """Why a model cannot have the marginal engine, as far as its config tells; None if nothing there speaks against."""
    model = study.models[name]
    reasons = {
        "the engine is nuts": _by_nuts(study, name),
        f"its family is {model.family}": model.family != "gaussian",
        f"its link is {model.link}": model.link not in (None, "identity"),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def _by_nuts(study: Study, name: str) -> bool:
    """Whether the config asks for NUTS over all parameters of a model."""
    return study.sampling_of(name).engine == "nuts"


def _engine(study: Study, name: str) -> Iterator[Mistake]:
    """A model that needs the marginal engine and cannot have it."""
    reason, sampling = _why_not_marginal(study, name), study.sampling_of(name)
    if reason and sampling.engine == "marginal":
        yield Mistake(f"models.{name}", f"'engine: marginal' cannot fit this model: {reason}. Write 'engine: auto'.")
    elif reason and sampling.group_effects == "summary":
        yield Mistake(
            f"models.{name}",
            f"'group_effects: summary' needs the marginal engine, and {reason}. Write 'group_effects: draws'.",
        )


def _same_files(section: str, names: Iterable[str]) -> Iterator[Mistake]:
    """Names that differ in capitals only, whose files are the same where file systems do not tell these apart."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.lower(), name)
        if other != name:
            yield Mistake(f"{section}.{name}", f"'{other}' differs in capitals only; choose another name.")


def _report(report: Report) -> Iterator[Mistake]:
    for name, section in report.sections.items():
        if section.title is None and name not in SECTIONS:
            yield Mistake(
                f"report.sections.{name}.title",
                f"this key is missing: only sections of the report's own ({', '.join(SECTIONS)}) have a title without.",
            )
    for key in ("order", "hide"):
        names = getattr(report, key)
        for name in dict.fromkeys(names):
            if wrong := unknown(name, report.all_sections, "section"):
                yield Mistake(f"report.{key}", wrong)
            if names.count(name) > 1:
                yield Mistake(f"report.{key}", f"section '{name}' stands twice.")
    for name in report.hide:
        if name in report.order:
            yield Mistake("report.hide", f"section '{name}' stands in 'order' too; take it out of one of the two.")


def _models(study: Study, entry: Comparison | Prediction | OfModels, place: str) -> Iterator[Mistake]:
    for model in entry.models:
        if wrong := unknown(model, study.models, "model"):
            yield Mistake(place, wrong)
    if twice := [model for model in entry.models if entry.models.count(model) > 1]:
        yield Mistake(place, f"model '{twice[0]}' stands twice.")


def _covariates(study: Study, prediction: Prediction, place: str) -> Iterator[Mistake]:
    """Covariates that a model does not have, and those of new units that have no values."""
    slope = [prediction.slope] if prediction.slope else []
    named = {"at": prediction.at, "contrast": prediction.contrast or {}, "slope": slope}
    for model in prediction.models:
        if model not in study.models:
            continue
        known = covariates(study.models[model].formula, study.data.unit)
        for key, names in named.items():
            for name in names:
                if name not in known:
                    yield Mistake(
                        f"{place}.{key}" if key == "slope" else f"{place}.{key}.{name}",
                        f"model '{model}' does not use {name if key == 'slope' else 'it'}.{suggest(name, known)} Its "
                        f"covariates: {', '.join(known) or 'none'}.",
                    )
        yield from _derived(study, prediction, place, model, known)
        missing = [name for name in known if name not in {**prediction.at, **(prediction.contrast or {})}]
        if prediction.new_units is not None and missing:
            yield Mistake(
                f"{place}.at",
                f"new units have no observed values of {', '.join(missing)}, which model '{model}' uses; write them, "
                f"for example at: {{{missing[0]}: [...]}}.",
            )


def _derived(study: Study, prediction: Prediction, place: str, model: str, known: list[str]) -> Iterator[Mistake]:
    """Covariates that a prediction moves, while others that are computed from them would stay where they are."""
    changed = [*(prediction.contrast or {}), *([prediction.slope] if prediction.slope else [])]
    for name in (name for name in dict.fromkeys([*changed, *prediction.at]) if name in known):
        named = [] if name in changed else [*prediction.at, *changed]
        if others := [other for other in study.data.moved_with(name, known) if other not in named]:
            yield Mistake(
                place,
                f"model '{model}' also uses {' and '.join(others)}, which changes with {name} (data.derive) and would "
                f"stay where it is here. {together(name)}",
            )


def _comparison(study: Study, name: str, comparison: Comparison) -> Iterator[Mistake]:
    place = f"comparisons.{name}"
    for other in study.comparisons:
        if name in (f"{other}.{table}" for table in ("pointwise", "units", "bayes_factors")):
            yield Mistake(place, f"its file would be one of the comparison '{other}'; choose another name.")
    yield from _models(study, comparison, f"{place}.models")
    by_left_side: dict[str, list[str]] = {}
    for model in comparison.models:
        if model in study.models:
            by_left_side.setdefault(left_side(study.models[model].formula), []).append(model)
    if len(by_left_side) > 1:
        listing = "; ".join(f"'{left}' in {', '.join(models)}" for left, models in by_left_side.items())
        yield Mistake(
            f"{place}.models",
            f"the left sides of the formulas differ: {listing}. Densities of different quantities cannot be compared; "
            "give all models the same left side, or compare them apart.",
        )
    elif by_left_side and (why := _why_other_outcome(study, *by_left_side)):
        yield Mistake(f"{place}.models", why)
    if comparison.rows == "common":
        yield from _other_rows(study, name, f"{place}.rows")
    if comparison.bayes_factors:
        yield from _evidence(study, comparison, f"{place}.bayes_factors")


def _why_other_outcome(study: Study, left: str) -> str | None:
    """Why what models are of is not the outcome of the study, nor made from it; None if it is."""
    made = {study.data.outcome}
    for name, expression in study.data.derive.items():
        if made & {*made_from(parse(expression))}:
            made.add(name)
    if made & {*columns(left)}:
        return None
    return (
        f"the models are of '{left}', which is neither 'data.outcome', {study.data.outcome}, nor made from it by "
        "'data.derive'. Give them this outcome, or name theirs in 'data.outcome'."
    )


def _other_rows(study: Study, name: str, place: str) -> Iterator[Mistake]:
    """Models of which an earlier comparison asks for other rows."""
    sharing = {other: entry for other, entry in study.comparisons.items() if entry.rows == "common"}
    if any(model not in study.models for entry in sharing.values() for model in entry.models):
        return
    for model in study.comparisons[name].models:
        first = next(other for other, entry in sharing.items() if model in entry.models)
        here, there = study.columns_shared(name, model), study.columns_shared(first, model)
        if here != there:
            yield Mistake(
                place,
                f"model '{model}' would need other rows than in comparisons.{first}: here {_those(here)}, there "
                f"{_those(there)}. A model is fitted once: give it a second name for one of the two, or compare all "
                "these models at once.",
            )


def _those(columns: tuple[str, ...]) -> str:
    """Rows of a model that have a value in some further columns."""
    return f"those that have {', '.join(columns)} too" if columns else "all of its own"


def _evidence(study: Study, comparison: Comparison, place: str) -> Iterator[Mistake]:
    """Models that can have no Bayes factors, since no engine that knows the evidence can fit them."""
    for model in (name for name in comparison.models if name in study.models):
        is_integrable = study.models[model].family in PARENTS and not _by_nuts(study, model)
        if not is_integrable and (reason := _why_not_marginal(study, model)):
            yield Mistake(
                place,
                f"model '{model}' has no evidence, which Bayes factors take: {reason}. Only the engines marginal, "
                "quadrature and independent know it. Compare models of these, or leave 'bayes_factors' out.",
            )


def _design(study: Study, design: Design) -> Iterator[Mistake]:
    """Times without a column of times; a model or a comparison that is not there, or that are not of each other."""
    for key in ("times", "span"):
        if getattr(design, key) is not None and study.data.time is None:
            yield Mistake(f"design.{key}", "needs 'data.time': without it measurements of a unit have no times.")
    if wrong := unknown(design.model, study.models, "model"):
        yield Mistake("design.model", wrong)
    elif design.comparison in study.comparisons:
        compared = study.comparisons[design.comparison].models
        if design.model not in compared:
            yield Mistake(
                "design.comparison",
                f"'{design.comparison}' compares {', '.join(compared)}, and not '{design.model}', the model that the "
                "data are drawn from.",
            )
    if design.comparison is not None and (wrong := unknown(design.comparison, study.comparisons, "comparison")):
        yield Mistake("design.comparison", wrong)


def _figure(study: Study, name: str, figure: Figure) -> Iterator[Mistake]:
    place = f"figures.{name}"
    if study.all_figures.count(name) > 1:
        yield Mistake(place, "a figure of this name is drawn for every model and comparison; choose another name.")
    if figure.section is not None:
        called = study.sections_called(figure.section)
        if not called:
            sections = [*study.models, *study.comparisons]
            yield Mistake(f"{place}.section", unknown(figure.section, sections, "section"))
        if len(called) > 1:
            yield Mistake(f"{place}.section", f"there are two of this name; write {' or '.join(called)}.")
    if figure.over_time and study.data.time is None:
        yield Mistake(place, f"'{figure.kind}' needs 'data.time'.")
    if isinstance(figure, FittedTrajectories) and figure.by_group and study.data.group is None:
        yield Mistake(f"{place}.by_group", "needs 'data.group'.")
    if isinstance(figure, InterceptsSlopes) and (wrong := unknown(figure.model, study.models, "model")):
        yield Mistake(f"{place}.model", wrong)
    if isinstance(figure, PredictionFigure):
        yield from _prediction_figure(study, name, figure)


def _prediction_figure(study: Study, name: str, figure: PredictionFigure) -> Iterator[Mistake]:
    place = f"figures.{name}"
    if wrong := unknown(figure.predictions, study.predictions, "prediction"):
        yield Mistake(f"{place}.predictions", wrong)
        return
    prediction, where = study.predictions[figure.predictions], f" in predictions.{figure.predictions}"
    for model in figure.models or []:
        if wrong := unknown(model, prediction.models, "model", where):
            yield Mistake(f"{place}.models", wrong)
    if isinstance(prediction.units, list) and isinstance(figure.units, list):
        for unit in figure.units:
            if wrong := unknown(unit, prediction.units, "unit", where):
                yield Mistake(f"{place}.units", wrong)
    if not figure.of_changes and not prediction.of_values_of_units:
        yield Mistake(
            f"{place}.predictions",
            f"'{figure.kind}' shows values of units, and predictions.{figure.predictions} has others: take 'grid'.",
        )
    models = study.figure_models(name)
    if figure.n_models not in (None, len(models)):
        yield Mistake(
            f"{place}.models",
            f"'{figure.kind}' shows {figure.n_models} model{'s' * (figure.n_models > 1)}, not {len(models)}: "
            f"{', '.join(models)}. Choose with 'models: [...]'.",
        )
    if len(set(models)) < len(models):
        yield Mistake(f"{place}.models", "a model stands twice.")
    for model in models:
        if model in study.models and (family := study.models[model].family) in OF_LEVELS:
            yield Mistake(
                place,
                f"'{figure.kind}' shows numbers, and model '{model}' (family {family}) predicts a probability for each "
                "level. The table of the predictions has them.",
            )
