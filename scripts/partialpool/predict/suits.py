"""Whether a study and its data suit each other: all that is wrong, before anything is sampled.

Jobs find the same mistakes when they come to them, one after the other; here all are told at once. No result depends on
this module, so that fingerprints do not follow it.
"""

from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from partialpool.data.units import choose, in_order
from partialpool.errors import StudyError, suggest
from partialpool.model.doubts import doubts
from partialpool.model.families import OF_LEVELS
from partialpool.model.formula import complete_cases
from partialpool.model.identified import refuse_unidentified
from partialpool.predict.asked import Asked
from partialpool.predict.changes import sides
from partialpool.predict.means import Mean, expected_of
from partialpool.predict.points import points
from partialpool.predict.values import with_categories
from partialpool.study import config
from partialpool.study.messages import Mistake, told
from partialpool.study.study import Study

# Keys of Snakemake's configuration that are not the study's.
_NOT_OF_THE_STUDY = ("words",)


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
        What is not wrong, but doubtful, a line each.

    Raises
    ------
    StudyError
        All mistakes, each with its place.
    """
    study = config.load({key: value for key, value in configuration.items() if key not in _NOT_OF_THE_STUDY})
    if mistakes := list(_mistakes(study, data)):
        raise StudyError(told(mistakes, ["config and data"]))
    return [
        f"model {name}: {doubt}"
        for name in study.models
        for doubt in doubts(study.spec(name), complete_cases(study.spec(name), data))
    ]


def _mistakes(study: Study, data: pd.DataFrame) -> Iterator[Mistake]:
    columns = [name for name in data.columns if name != "row"]
    for key in ("labels", "units_of_measurement"):
        for name in getattr(study.data, key):
            if name not in columns:
                yield Mistake(f"data.{key}.{name}", f"there is no such column.{suggest(name, columns)}")
    wrong = set()
    for name in study.models:
        for mistake in _refused(f"models.{name}", _model, study, name, data):
            wrong.add(name)
            yield mistake
    for name, prediction in study.predictions.items():
        asked = Asked(**prediction.model_dump(exclude={"models"}))
        for model in prediction.models:
            if model not in wrong:
                yield from _refused(f"predictions.{name}", _prediction, study, model, asked, data)
    for name, figure in study.figures.items():
        if isinstance(units := getattr(figure, "units", None), list) and getattr(figure, "predictions", None) is None:
            yield from _refused(f"figures.{name}", _units, study, units, data)


def _refused(place: str, function: Callable, *arguments) -> Iterator[Mistake]:
    try:
        function(*arguments)
    except StudyError as error:
        yield Mistake(place, str(error))


def _model(study: Study, name: str, data: pd.DataFrame) -> None:
    spec = study.spec(name)
    refuse_unidentified(spec, complete_cases(spec, data))


def _prediction(study: Study, model: str, asked: Asked, data: pd.DataFrame) -> None:
    spec = study.spec(model)
    at = points(spec, data, asked)
    rows = complete_cases(spec, data)
    for side in sides(asked, at, 0.0):
        with_categories(side.drop(columns=spec.unit), rows)
    if not asked.of_units:
        expected_of(spec)
    elif spec.family not in OF_LEVELS and "expected" in asked.quantities:
        Mean(spec)


def _units(study: Study, units: list[str], data: pd.DataFrame) -> None:
    choose(in_order(data[study.data.unit]), units, seed=study.sampling.seed, where="the data")
