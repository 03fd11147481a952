"""Whether a study and its data suit each other: all that is wrong, before anything is sampled.

Jobs find the same mistakes when they come to them, one after the other; here all are told at once. No result depends on
this module, so that fingerprints do not follow it.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from partialpool.data import printed
from partialpool.data.prepare import measured_once
from partialpool.data.table import listing
from partialpool.data.types import numbers
from partialpool.data.units import choose, in_order
from partialpool.errors import StudyError, suggest
from partialpool.fit.fit import closed_form, integrable
from partialpool.jobs.plan import long_fit
from partialpool.model.assignable import has_coefficients, refuse_unassignable
from partialpool.model.automatic import automatic_priors
from partialpool.model.doubts import doubts
from partialpool.model.families import OF_LEVELS, PARENTS
from partialpool.model.formula import bars, complete_cases
from partialpool.model.identified import refuse_unidentified
from partialpool.model.matrices import without_coefficients
from partialpool.model.names import Term
from partialpool.model.outcome import outcome_column
from partialpool.model.parts import common_predictors, numeric_predictors, slopes
from partialpool.model.spec import ModelSpec
from partialpool.predict.asked import Asked
from partialpool.predict.changes import grouped, sides
from partialpool.predict.linear import LinearPredictor
from partialpool.predict.means import Mean, expected_of
from partialpool.predict.new_units import no_population
from partialpool.predict.points import points
from partialpool.predict.tables import refuse_names, refuse_several
from partialpool.predict.values import with_categories
from partialpool.study import config
from partialpool.study.base import unknown
from partialpool.study.families import FAMILIES
from partialpool.study.figures import Grid, InterceptsSlopes, PredictionFigure
from partialpool.study.messages import Mistake, told
from partialpool.study.study import Study

# Keys of Snakemake's configuration that are not the study's.
_NOT_OF_THE_STUDY = ("words",)
# Families in which a unit with one row has an effect that can be told from the spread of measurements (overdispersion).
OF_ONE_ROW = ("binomial", "poisson")
# ASSUME: of a column with numbers in nine of ten rows the others are mistakes, or mean that there is no value.
_FEW = 0.1
# ASSUME: a category with more levels, nearly all of which begin with digits (after a sign or currency), is meant as a
# number or a date: 1,234 or 12 % or 2024-03-31.
_MOST_LEVELS = 10
_LIKE_A_NUMBER = r"[^\w\s]*\s*\d"


def check(configuration: Mapping, data: pd.DataFrame) -> list[str]:
    """Hold a study to its data.

    Parameters
    ----------
    configuration
        As Snakemake has it.
    data
        Prepared data.

    Returns
    -------
    list of str
        What is not wrong, but doubtful, and which fits may take long; a line each.

    Raises
    ------
    StudyError
        All mistakes, each with its place.
    """
    study = config.load({key: value for key, value in configuration.items() if key not in _NOT_OF_THE_STUDY})
    if mistakes := list(_mistakes(study, data)):
        raise StudyError(told(mistakes, ["config and data"]))
    return [f"model {name}: {told}" for name in study.models for told in _remarks(study, study.spec(name), data)]


def _remarks(study: Study, spec: ModelSpec, data: pd.DataFrame) -> Iterator[str]:
    rows = complete_cases(spec, data)
    yield from doubts(spec, rows, study.data.moved_with)
    long = long_fit(len(rows), spec.family, by_quadrature=spec.family in PARENTS)
    if long and spec.family != "gaussian" and bars(spec.formula):
        yield f"{long}."


def check_again(configuration: Mapping, prepared: str | Path) -> None:
    """Hold a study whose config was edited to the data that an earlier run prepared.

    Raises
    ------
    StudyError
        All mistakes, as ``check``.
    """
    try:
        data = pd.read_parquet(prepared)
    except (OSError, ValueError):
        # It is damaged: the job that reads it says so.
        return
    check(configuration, data)


def _mistakes(study: Study, data: pd.DataFrame) -> Iterator[Mistake]:
    columns = [name for name in data.columns if name != "row"]
    for key in ("labels", "units_of_measurement"):
        for name in getattr(study.data, key):
            if name not in columns:
                yield Mistake(f"data.{key}.{name}", f"there is no such column.{suggest(name, columns)}")
    families = {model.family for model in study.models.values()}
    once = measured_once(data, study.data.unit, study.data.outcome)
    if once and not families & {*OF_ONE_ROW}:
        only = f"Of such data only models of the families {' and '.join(OF_ONE_ROW)} can tell units from measurements."
        yield Mistake("data.unit", f"{once} {only}")
    wrong = set()
    for name in study.models:
        for mistake in _refused(f"models.{name}", _model, study, name, data):
            wrong.add(name)
            yield mistake
    # What each prediction shows of each model.
    tables: dict[tuple[str, str], pd.DataFrame] = {}
    for name, prediction in study.predictions.items():
        for model in prediction.models:
            if model not in wrong:
                yield from _refused(f"predictions.{name}", _prediction, study, name, model, data, tables)
    if study.design is not None and not wrong & {*study.models_of_design}:
        yield from _design(study, data)
    if study.published is not None:
        yield from _refused("published.folder", _published, study)
    for name, figure in study.figures.items():
        if isinstance(figure, PredictionFigure):
            of_figure = [tables.get((figure.predictions, model)) for model in study.figure_models(name)]
            # Else it was told of the model, or of the prediction.
            if all(table is not None for table in of_figure):
                yield from _refused(f"figures.{name}", _figure, study, name, of_figure)
            continue
        yield from _refused(f"figures.{name}", _units, study, figure.units, data)
        if isinstance(figure, InterceptsSlopes):
            yield from _refused(f"figures.{name}", _intercepts_slopes, study, figure.model)


def _refused(place: str, function: Callable, *arguments) -> Iterator[Mistake]:
    try:
        function(*arguments)
    except StudyError as error:
        yield Mistake(place, str(error))


def _model(study: Study, name: str, data: pd.DataFrame) -> None:
    spec = study.spec(name)
    rows = complete_cases(spec, data)
    for column in numeric_predictors(spec.formula):
        if column not in study.data.types and column != study.data.unit:
            _refuse_spoilt_number(column, data[column])
    refuse_unidentified(spec, rows)
    family = FAMILIES[spec.family]
    refuse_unassignable(spec, rows, family.parameters, family.mean)
    with_priors = spec.with_priors(automatic_priors(spec, rows))
    if spec.engine == "marginal" or spec.group_effects == "summary":
        closed_form(with_priors, rows)
    # As build.build refuses them.
    if not has_coefficients(spec, rows) and (
        spec.engine == "nuts" or not (spec.family == "gaussian" or integrable(with_priors, rows))
    ):
        raise without_coefficients(spec)


def _refuse_spoilt_number(column: str, values: pd.Series) -> None:
    """Raise StudyError for a category that would be a number without a few of its values."""
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return
    text = values.dropna().astype("str")
    others = text[numbers(text).isna()]
    if 0 < len(others) <= _FEW * len(text):
        raise StudyError(
            f"column '{column}' has numbers, and in {len(others)} of {len(text)} rows something else "
            f"({listing([f"'{value}'" for value in others.unique()], 5)}), which would make it a category. Correct the "
            f"file, where data: {{types: {{{column}: number}}}} shows the places; or write {{{column}: category}}."
        )
    levels = text.drop_duplicates()
    if len(levels) > _MOST_LEVELS and len(others) and levels.str.match(_LIKE_A_NUMBER).mean() > 1 - _FEW:
        raise StudyError(
            f"column '{column}' has {len(levels)} different values such as "
            f"{listing([f"'{value}'" for value in levels[:3]])}, which are no numbers as they are written, so that it "
            "would be a category with a coefficient for each. If they are numbers, write them without units and marks "
            f"between thousands; of dates derive years({column}) in data.derive; if they are names, write data: "
            f"{{types: {{{column}: category}}}}."
        )


def _prediction(study: Study, name: str, model: str, data: pd.DataFrame, tables: dict) -> None:
    """Refuse what a prediction asks of a model and cannot have; what it shows is added to ``tables``."""
    spec, asked = study.spec(model), Asked(**study.asked(name))
    at = points(spec, data, asked)
    rows = complete_cases(spec, data)
    shown, _ = grouped(asked, at, spec.unit, "")
    tables[name, model] = shown
    factors = {Term.of_name(effect).grouping for bar in bars(spec.formula) for effect in bar}
    if asked.new_units is not None and spec.unit not in factors:
        raise no_population(spec.unit)
    levels = outcome_column(spec.formula)[:1] if spec.family in OF_LEVELS else ()
    refuse_names([*shown.columns.drop(spec.unit), *levels])
    predictor, any_unit = LinearPredictor(spec, rows), {spec.unit: rows[spec.unit].cat.categories[0]}
    for side in sides(asked, at, 0.0):
        predictor.require_values(with_categories(side.assign(**any_unit), rows))
    if not asked.of_units:
        expected_of(spec)
    elif spec.family not in OF_LEVELS and "expected" in asked.quantities:
        Mean(spec)


def _design(study: Study, data: pd.DataFrame) -> Iterator[Mistake]:
    from partialpool.simulation import next_study

    design, specs = study.design, {model: study.spec(model) for model in study.models_of_design}
    asked = {"parameters": design.parameters, "others": design.named_elsewhere, "truth": design.truth}
    try:
        next_study.refuse_unknown(asked, specs, data, unit=study.data.unit)
    except StudyError as error:
        # It begins with its place.
        place, _, message = str(error).partition(": ")
        yield Mistake(place, message)


def _published(study: Study) -> None:
    for name, table in printed.read(study.published.folder).items():
        for line, model in enumerate(table.get("model", ()), 2):
            if wrong := unknown(model, study.models, "model"):
                raise StudyError(f"'{study.published.folder}/{name}.csv', line {line}: {wrong}")


def _figure(study: Study, name: str, tables: list[pd.DataFrame]) -> None:
    """Refuse axes, times and units that the predictions of a figure, a table of each model, do not have."""
    figure, unit = study.figures[name], study.data.unit
    columns = list(dict.fromkeys(column for table in tables for column in table))
    for key in ("x", "by"):
        column = getattr(figure, key, None)
        if column is not None and column not in columns:
            raise StudyError(
                f"'{key}': the predictions have no column '{column}'.{suggest(column, columns)} Columns: "
                f"{', '.join(columns)}."
            )
    if figure.over_time and study.data.time not in columns:
        raise StudyError(f"the model shown does not use '{study.data.time}', so it has no trajectories over it.")
    ids = list(dict.fromkeys(str(value) for table in tables for value in table[unit]))
    shown = choose(ids, figure.units, seed=study.sampling.seed, where=f"predictions.{figure.predictions}")
    for table in tables if isinstance(figure, Grid) else []:
        if figure.x in table:
            by = figure.by if figure.by in table else None
            refuse_several(table[table[unit].astype(str).isin(shown)], figure.x, by, called=figure.x)


def _intercepts_slopes(study: Study, model: str) -> None:
    formula, unit, time = study.models[model].formula, study.data.unit, study.data.time
    if time not in slopes(formula) or time not in common_predictors(formula):
        raise StudyError(f"'intercepts-slopes' shows a model with {time} + (1 + {time} | {unit}), and not {formula}.")


def _units(study: Study, units: str | int | list[str], data: pd.DataFrame) -> None:
    choose(in_order(data[study.data.unit]), units, seed=study.sampling.seed, where="the data")
