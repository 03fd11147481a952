"""What formulae makes of a formula and rows: the only module that calls it for matrices.

It makes a column of each level of a grouping factor, of which there may be many. Where a column of the data stands
behind bars only, formulae is shown one level (``folded``), so that it makes what stands before the bars and nothing
else; which row belongs to which level is read from the data (``GroupLevels``).
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.model.families import ORDINAL
from partialpool.model.names import Term
from partialpool.model.parts import bar_texts, before_bar, predictors
from partialpool.model.spec import ModelSpec

# Bambi's, except for those of an outcome that is not normal.
_FUNCTIONS = {
    "np": np,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "exp": np.exp,
    "exp2": np.exp2,
    "abs": np.abs,
}
_NOT_CODED = "formulae cannot code its categories where one also stands in an interaction before it."
# ASSUME: a grouping factor a:b with more combinations of levels is a mistake. All of them are levels, as in Bambi, and
# so many names alone fill a gigabyte.
MOST_LEVELS = 10_000_000


def evaluate(spec: ModelSpec, rows: pd.DataFrame):
    """Design matrices, by formulae, of a model and its rows; StudyError if the formula does not fit them."""
    from partialpool.model.without_splines import design_matrices

    # What is not finite is refused later.
    with np.errstate(all="ignore"):
        shown = folded(spec.formula, rows)
        # Bambi, too: thresholds take the place of an intercept, so that categories are coded as beside one.
        formula = f"{spec.formula} + 1" if spec.family in ORDINAL else spec.formula
        try:
            matrices = design_matrices(formula, shown, na_action="error", extra_namespace=_FUNCTIONS)
        except IndexError:
            raise unfit(spec, f"{_NOT_CODED} {_written_out(spec.formula)}") from None
        except Exception as error:  # formulae raises its own and builtin exceptions alike
            raise unfit(
                spec, _category_of_one(spec, rows) or _category_in_function(spec, rows, error) or error
            ) from None
        _refuse_two_codings(spec, matrices, shown)
        _refuse_other_effects(spec, matrices, shown)
    return matrices


def _refuse_two_codings(spec: ModelSpec, matrices, shown: pd.DataFrame) -> None:
    """Refuse a formula such as ``g / x``, in which formulae codes a category in two ways and remembers the last one.

    Labels and predictions of the other term would be those of a coding that it does not have.
    """
    terms = [term for term in matrices.common.terms.values() if is_category(term)] if matrices.common else []
    times = Counter(id(component) for term in terms for component in term.components)
    for term in terms:
        shared = any(times[id(component)] > 1 for component in term.components)
        if shared and not np.array_equal(term.data, term.eval_new_data(shown)):
            raise unfit(spec, f"'{term.name}' would be coded in two ways. {_written_out(spec.formula)}")


def _refuse_other_effects(spec: ModelSpec, matrices, shown: pd.DataFrame) -> None:
    """Refuse a bar whose categories formulae codes otherwise than it codes the same terms elsewhere, and R everywhere.

    Before a bar it looks for an intercept and not for other terms, so that ``(1 + g:x | id)`` has no slope of the first
    level of ``g``, and ``(0 + g + h | id)`` an effect too many.
    """
    from partialpool.model.without_splines import design_matrices, model_description

    for text in bar_texts(spec.formula):
        before = before_bar(text)
        names = [term.name for term in model_description(text).group_terms]
        effects = {Term.of_name(name).expression: matrices.group.terms[name].expr for name in names}
        several = sum(is_category(term) for term in effects.values()) > 1
        if not several and not any(is_category(term) and term.kind == "interaction" for term in effects.values()):
            continue
        try:
            elsewhere = design_matrices(before, shown, extra_namespace=_FUNCTIONS).common.terms
        except IndexError:
            raise unfit(spec, f"{_NOT_CODED} {_written_out(before)}") from None
        for expression, term in effects.items():
            if expression == "1" or np.shape(term.data) == np.shape(elsewhere[expression].data):
                continue
            lacks = len(np.transpose(term.data)) < len(np.transpose(elsewhere[expression].data))
            mend = "Write its parts too, as in (1 + x + g:x | id), or of categories alone (0 + g:h | id)"
            raise unfit(
                spec,
                f"before the bar of '{text}' formulae makes {'too few' if lacks else 'too many'} effects of "
                f"'{expression}'. {mend if lacks else 'Write 1 in the place of 0, and * in that of /'}.",
            )


def _written_out(formula: str) -> str:
    """What to write in the place of a formula whose categories formulae cannot code as it stands."""
    from partialpool.model.without_splines import model_description

    terms = [term for term in model_description(formula).common_terms if hasattr(term, "components")]
    names = [":".join(map(_quoted, term.components)) for term in sorted(terms, key=lambda term: len(term.components))]
    return f"Write its terms one by one, interactions last: {' + '.join(names)}."


def _quoted(component) -> str:
    """A part of a term as a formula has it."""
    plain = not _is_column(component) or re.fullmatch(r"[^\W\d_][\w.]*", component.name)
    return component.name if plain else f"`{component.name}`"


def _category_in_function(spec: ModelSpec, rows: pd.DataFrame, error: Exception) -> str | None:
    """What to say of an error of pandas or NumPy if a function or arithmetic has a category, and takes numbers."""
    names = [name for name in predictors(spec.formula) if isinstance(rows[name].dtype, pd.CategoricalDtype)]
    if isinstance(error, TypeError) and names and re.search("[Cc]ategor|'str'", str(error)):
        return (
            f"functions and arithmetic take numbers, and not categories ({', '.join(names)}). Compare one with a "
            f"level, as in I({names[0]} == '{rows[names[0]].cat.categories[0]}')."
        )
    return None


def _category_of_one(spec: ModelSpec, rows: pd.DataFrame) -> str | None:
    """What to say if a category among the predictors has one level only, of which formulae has no words."""
    for name in sorted({*predictors(spec.formula)} - behind_bars_only(spec.formula)):
        levels = rows[name].unique()
        if isinstance(rows[name].dtype, pd.CategoricalDtype) and len(levels) == 1:
            return f"'{name}' has only 1 category, '{levels[0]}', in the rows of this model. Leave it out."
    return None


def unfit(spec: ModelSpec, why) -> StudyError:
    """The error of a formula that does not fit its rows, in the words of formulae or Bambi where these say it."""
    if isinstance(why, ZeroDivisionError):
        why = "A category before a bar has only 1 level!"
    if str(why) == "reference not in levels" or re.fullmatch(".* is not in list", str(why)):
        why = (
            "a reference level is none of the levels. Those of a category are text and stand in quotes, as in "
            'C(x, Treatment("2")); only those of a column of numbers are numbers.'
        )
    return StudyError(f"formula '{spec.formula}', family '{spec.family}': {why}")


def without_coefficients(spec: ModelSpec) -> StudyError:
    """The error of a model for NUTS whose formula has no coefficients."""
    add = "Write 1 for an intercept."
    if spec.family in ORDINAL:
        add = "Thresholds are none: add a predictor or group-level effects."
    return unfit(spec, f"it has no coefficients, and Bambi cannot predict without any. {add}")


def folded(formula: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with a single level in all columns that stand behind bars only."""
    # Ordered, or formulae would sort the rows to find out its levels.
    one_level = pd.Categorical.from_codes(np.zeros(len(rows), np.int8), ["all"], ordered=True)
    return rows.assign(**dict.fromkeys(behind_bars_only(formula), one_level))


def behind_bars_only(formula: str) -> set[str]:
    """Columns that are grouping factors, or part of one such as ``a:b``, and stand nowhere else."""
    from partialpool.model.without_splines import model_description

    description = model_description(formula)
    behind = [component for term in description.group_terms for component in term.factor.components]
    elsewhere = description.response.var_names.union(*(term.var_names for term in description.common_terms))
    elsewhere = elsewhere.union(*(term.expr.var_names for term in description.group_terms))
    # What a function behind a bar takes must keep its values.
    elsewhere = elsewhere.union(*(component.var_names for component in behind if not _is_column(component)))
    return {component.name for component in behind if _is_column(component)} - elsewhere


def _is_column(component) -> bool:
    return component.var_names == {component.name}


def is_category(term) -> bool:
    """Whether a term of formulae has a category in it."""
    kinds = [component.kind for component in term.components] if term.kind == "interaction" else [term.kind]
    return "categoric" in kinds


def column_labels(term, values: np.ndarray) -> list | None:
    """Labels of the columns ``values`` of a term, if it is a category or has several; as Bambi labels them."""
    if is_category(term):
        return list(term.levels)
    return list(range(values.shape[1])) if values.shape[1] > 1 else None


@dataclass(frozen=True)
class GroupLevels:
    """The levels of a grouping factor: all combinations of the levels of its parts, as Bambi has them.

    Attributes
    ----------
    factor
        What stands behind the bar, from ``evaluate``: a term of formulae.
    categories
        By column that is a part of it: its values, in order.
    """

    factor: object
    categories: dict[str, pd.Index]

    @classmethod
    def of(cls, spec: ModelSpec, factor, rows: pd.DataFrame) -> "GroupLevels":
        """The levels in a model's rows; StudyError if there are more than ``MOST_LEVELS``."""
        columns = [component.name for component in factor.components if _is_column(component)]
        levels = cls(factor, {column: _categories(rows[column]) for column in columns})
        if (combinations := prod(levels._sizes)) > MOST_LEVELS:
            raise StudyError(
                f"formula '{spec.formula}': {factor.name} has {combinations} levels, all combinations of those of "
                f"{' and '.join(part.name for part in factor.components)}, and at most {MOST_LEVELS} are possible. If "
                f"each level of one of them belongs to one level of the others, it is a grouping factor by itself."
            )
        return levels

    @cached_property
    def _labels_of_parts(self) -> list[list[str]]:
        return [
            [str(value) for value in self.categories[part.name].tolist()]
            if part.name in self.categories
            else part.contrast_matrix.labels
            for part in self.factor.components
        ]

    @property
    def _sizes(self) -> list[int]:
        return [len(labels) for labels in self._labels_of_parts]

    @property
    def labels(self) -> list[str]:
        """Names of the levels, those without rows among them: ``N:1``."""
        return [":".join(parts) for parts in product(*self._labels_of_parts)]

    def codes(self, rows: pd.DataFrame) -> np.ndarray:
        """Which of the levels each of some rows has, (n,); StudyError if a row has another one."""
        codes = [
            self._codes_of_column(part.name, rows)
            if part.name in self.categories
            else part.eval_new_data(rows).argmax(axis=1)
            for part in self.factor.components
        ]
        return np.ravel_multi_index(codes, self._sizes).astype(np.int64)

    def _codes_of_column(self, column: str, rows: pd.DataFrame) -> np.ndarray:
        categories = self.categories[column]
        codes = categories.get_indexer(pd.Index(rows[column]))
        if unknown := sorted(set(rows[column][codes < 0].astype(str))):
            valid = ", ".join(map(str, categories))
            raise StudyError(f"'at': {column} has no level {', '.join(unknown)}. Valid: {valid}.")
        return codes


def _categories(column: pd.Series) -> pd.Index:
    """Levels of a column, in formulae's order: their own if they have one, or else sorted."""
    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered:
        return column.cat.categories
    return pd.Index(sorted(column.unique().tolist()))
