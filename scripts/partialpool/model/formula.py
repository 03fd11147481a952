"""What a formula says: its variables, its bars, and the rows it can be fitted on."""

import pandas as pd

from partialpool.data.units import as_categories
from partialpool.errors import StudyError, suggest
from partialpool.model.grammar import check_formula
from partialpool.model.outcome import for_family
from partialpool.model.parts import bar_texts, behind_bars, columns, numeric_predictors
from partialpool.model.spec import ModelSpec

# ASSUME: a formula multiplies no more than four columns of whole numbers with each other. Products of four numbers up
# to this fit in 64 bits.
LARGEST_WHOLE = 50_000


def formula_variables(formula: str) -> list[str]:
    """Names of the columns that a formula uses; nothing of it is evaluated.

    Raises
    ------
    StudyError
        If it cannot be read, or calls a function that no formula may call.
    """
    from partialpool.model.without_splines import model_description

    check_formula(formula)
    try:
        description = model_description(formula)
    except AttributeError:
        # Of formulae, which cannot hold a column beside a call when it asks whether two terms are the same.
        raise StudyError(
            f"formula '{formula}' cannot be read: of two calls of one function, write the one with a column first, as "
            "in scale(x) + scale(np.log(x))."
        ) from None
    except Exception as error:  # formulae raises its own and builtin exceptions alike
        raise StudyError(f"formula '{formula}' cannot be read: {error}") from None
    _refuse_twice(formula, description)
    if lost := [name for name in columns(formula) if name not in description.var_names]:
        raise StudyError(
            f"formula '{formula}': '{lost[0]}' is added and taken away again, so that it has no term. Leave it out."
        )
    return sorted(name for name in description.var_names if name)


def _refuse_twice(formula: str, description) -> None:
    """Refuse an interaction that formulae takes for two, because its parts stand in another order: a:b and b:a."""
    names = [term.name for term in description.common_terms] + [term.name for term in description.group_terms]
    first: dict[tuple, str] = {}
    for name in names:
        before, bar, behind = name.partition("|")
        other = first.setdefault((*sorted(before.split(":")), bar, *sorted(behind.split(":"))), name)
        if other != name:
            raise StudyError(f"formula '{formula}': '{other}' and '{name}' are the same term. Leave one of them out.")


def complete_cases(spec: ModelSpec, data: pd.DataFrame) -> pd.DataFrame:
    """Rows on which a model can be fitted.

    Parameters
    ----------
    spec
        The model's spec.
    data
        Prepared data with column ``row``.

    Returns
    -------
    DataFrame
        The columns of the formula, the unit and ``row``; no missing values, neither here nor in ``spec.complete``; the
        unit is categorical, and large whole numbers are float64.

    Raises
    ------
    StudyError
        If a variable of the formula or of ``spec.complete`` is no column, or no complete row is left.
    """
    variables = formula_variables(spec.formula)
    for variable in [*variables, *spec.complete]:
        if variable not in data.columns:
            whose = "" if variable in variables else ", which a model has with which it shares its rows"
            raise StudyError(
                f"formula '{spec.formula}': there is no column '{variable}'{whose}."
                f"{suggest(variable, data.columns)} Columns: {', '.join(c for c in data.columns if c != 'row')}."
            )
    kept = list(dict.fromkeys([*variables, spec.unit, "row"]))
    needed = list(dict.fromkeys([*kept, *spec.complete]))
    rows = data.loc[data[needed].notna().all(axis="columns"), kept].reset_index(drop=True)
    if rows.empty:
        needed = ", ".join([*variables, *spec.complete])
        raise StudyError(f"formula '{spec.formula}': no row has values in all of {needed}.")
    rows[spec.unit] = as_categories(rows[spec.unit])
    for column in rows.columns[[isinstance(t, pd.CategoricalDtype) for t in rows.dtypes]]:
        rows[column] = rows[column].cat.remove_unused_categories()
    rows = rows.astype(dict.fromkeys(_large_numbers(spec.formula, rows), "float64"))
    return for_family(spec, rows)


def _large_numbers(formula: str, rows: pd.DataFrame) -> list[str]:
    """Columns of whole numbers whose powers and products may not fit in 64 bits: NumPy would wrap them without a word.

    Not those behind bars, whose values are names.
    """
    groupings = {name for behind in behind_bars(formula) for name in columns(behind)}
    names = [name for name in numeric_predictors(formula) if name not in groupings]
    whole = [name for name in names if pd.api.types.is_integer_dtype(rows[name])]
    return [name for name in whole if rows[name].abs().max() > LARGEST_WHOLE]


def bars(formula: str) -> list[list[str]]:
    """Names of the terms of group-level effects, bar by bar.

    ``[['1|id', 'x|id']]`` for ``(1 + x | id)``, ``[['1|id'], ['x|id']]`` for ``(1 | id) + (0 + x | id)``; a bar with
    several grouping factors, ``(1 | a / b)``, counts once for each.
    """
    from partialpool.model.without_splines import model_description

    names = []
    for text in bar_texts(formula):
        by_grouping: dict[str, list[str]] = {}
        for term in model_description(text).group_terms:
            by_grouping.setdefault(term.factor.name, []).append(term.name)
        names += by_grouping.values()
    return names
