"""How Bambi spells variables and dimensions: the only module that knows.

Others ask here, and write no bar, prefix or suffix themselves::

    term = Term("x", "id")         the x of (1 + x | id)
    term.name                      "x|id"             its effects, one for each unit
    term.sd_name                   "x|id_sigma"       their standard deviation
    term.grouping_dim              "id__factor_dim"   the dimension of the units
    term.coefficients              ["x"]              or ["g[B]", "g[C]"] for a category g, along term.expression_dim

    effect_terms(posterior)        the terms of a fit, whose standard deviations it has
    draws_of(posterior, "x")       the draws of a variable: (chain, draw, values)
    correlation_names(posterior, "id")     ["cor_id"]: the correlations of a grouping factor
    pair_dim("cor_id")             "cor_id_dim", with labels as pair_label("Intercept", "x") makes them
    ROW_DIM                        "__obs__": the dimension of the rows of the data
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from partialpool.errors import StudyError

ROW_DIM = "__obs__"
INTERCEPT = "Intercept"
_THRESHOLD_DIM = "threshold_dim"
_GROUPING_DIM, _EXPRESSION_DIM, _SD, _CORRELATION = "__factor_dim", "__expr_dim", "_sigma", "cor_"


@dataclass(frozen=True)
class Term:
    """A term of group-level effects, such as the ``x`` of ``(1 + x | id)``.

    Attributes
    ----------
    expression
        What stands before the bar, ``1`` for an intercept.
    grouping
        The grouping factor: what stands behind the bar.
    levels
        Labels of the effects that a unit has, where the expression is a category or has several columns; else None.
    """

    expression: str
    grouping: str
    levels: tuple[str | int, ...] | None = None

    @classmethod
    def of_bambi(cls, term) -> "Term":
        """The group-specific term of a ``bambi.Model``."""
        inside = [labels for dim, labels in term.coords.items() if is_expression_dim(dim)]
        return cls.of_name(term.name, inside[0] if inside else None)

    @classmethod
    def of_name(cls, name: str, levels: Iterable | None = None) -> "Term":
        """The term with the name ``x|id``."""
        expression, _, grouping = name.partition("|")
        return cls(expression, grouping, None if levels is None else tuple(levels))

    @property
    def name(self) -> str:
        """Variable of the effects."""
        return f"{self.expression}|{self.grouping}"

    @property
    def sd_name(self) -> str:
        """Variable of their standard deviations."""
        return f"{self.name}{_SD}"

    @property
    def coefficient(self) -> str:
        """The expression as priors name it: ``Intercept``, ``x``."""
        return INTERCEPT if self.expression == "1" else self.expression

    @property
    def coefficients(self) -> list[str]:
        """Names of the effects of a unit: ``Intercept``; ``x``; ``g[B]`` and ``g[C]``."""
        if self.levels is None:
            return [self.coefficient]
        return [f"{self.coefficient}[{level}]" for level in self.levels]

    @property
    def grouping_dim(self) -> str:
        """Dimension of the units."""
        return f"{self.grouping}{_GROUPING_DIM}"

    @property
    def expression_dim(self) -> str:
        """Dimension of the effects of a unit, where there are several."""
        return f"{self.expression}{_EXPRESSION_DIM}"

    @property
    def level_coords(self) -> dict[str, list]:
        """Dimension and labels of the effects of a unit; empty where it has one."""
        return {} if self.levels is None else {self.expression_dim: list(self.levels)}

    @property
    def standard_normal_name(self) -> str:
        """Variable that is sampled in the place of the effects, if they have no correlation."""
        return f"{self.name}_offset"

    @property
    def correlated_standard_normal_name(self) -> str:
        """Variable that is sampled in the place of the effects, if they have a correlation (``lkj``)."""
        return f"{self.name}_z_offset"


@dataclass(frozen=True)
class Block:
    """The terms of one bar of a formula, and the name of their correlations; None where a unit has a single effect."""

    terms: tuple[Term, ...]
    correlation: str | None

    @property
    def coefficients(self) -> list[str]:
        """Names of the effects of a unit."""
        return [name for term in self.terms for name in term.coefficients]


def blocks(bars: list[list[str]], terms: Mapping[str, Term]) -> list[Block]:
    """The blocks of a formula.

    Parameters
    ----------
    bars
        Names of the terms, bar by bar (``formula.bars``).
    terms
        Each term by its name.

    Raises
    ------
    StudyError
        If the names of two grouping factors differ in the underscores by which correlations are told apart.
    """
    groupings = sorted({term.grouping for term in terms.values()})
    for one, other in combinations(groupings, 2):
        if one.rstrip("_") == other.rstrip("_"):
            raise StudyError(f"Grouping factors '{one}' and '{other}' differ in underscores only. Rename a column.")
    made: list[Block] = []
    for names in bars:
        block = Block(tuple(terms[name] for name in names), None)
        if len(block.coefficients) > 1:
            correlation = f"{_CORRELATION}{block.terms[0].grouping}"
            while correlation in [other.correlation for other in made]:
                correlation += "_"
            block = Block(block.terms, correlation)
        made.append(block)
    return made


def bambi_blocks(bars: list[list[str]], terms: Mapping) -> list[Block]:
    """The blocks of a formula, from the ``group_specific_terms`` of its ``bambi.Model``."""
    return blocks(bars, {name: Term.of_bambi(term) for name, term in terms.items()})


def effect_terms(posterior, grouping: str | None = None) -> list[Term]:
    """Terms of group-level effects in a posterior: those whose standard deviations it has.

    Parameters
    ----------
    posterior
        Dataset of a fit.
    grouping
        Only the terms of this grouping factor.
    """
    terms = []
    for name, values in posterior.data_vars.items():
        kind, term = classify(name, values.dims)
        if kind == "sd" and grouping in (None, term.grouping):
            dims = [dim for dim in values.dims if is_expression_dim(dim)]
            terms.append(Term.of_name(term.name, posterior[dims[0]].to_numpy().tolist() if dims else None))
    return terms


def classify(name: str, dims: Iterable[str]) -> tuple[str, Term | str | None]:
    """What a variable of a posterior is.

    Returns
    -------
    kind
        ``group`` (effects of each unit), ``sd``, ``cor``, or ``common`` for all others.
    what
        The term, its levels unknown, of ``group`` and ``sd``; the grouping factor of ``cor``; else None.
    """
    if "|" in name:
        if any(is_grouping_dim(dim) for dim in dims):
            return "group", Term.of_name(name)
        return "sd", Term.of_name(name.removesuffix(_SD))
    if name.startswith(_CORRELATION) and pair_dim(name) in dims:
        return "cor", name.removeprefix(_CORRELATION).rstrip("_")
    return "common", None


def draws_of(posterior, name: str):
    """Draws of a variable of a posterior, an array (chain, draw, values)."""
    values = posterior[name].transpose("chain", "draw", ...).to_numpy()
    return values.reshape(*values.shape[:2], -1)


def correlation_names(posterior, grouping: str) -> list[str]:
    """Variables of the correlations of a grouping factor, one for each bar with several effects."""
    kinds = {name: classify(name, values.dims) for name, values in posterior.data_vars.items()}
    return [name for name, kind in kinds.items() if kind == ("cor", grouping.rstrip("_"))]


def pair_dim(correlation: str) -> str:
    """Dimension of a variable of correlations: the pairs of effects."""
    return f"{correlation}_dim"


def pair_label(first: str, second: str) -> str:
    """Label of a pair of effects along ``pair_dim``."""
    return f"{first},{second}"


def partial_correlations_name(correlation: str) -> str:
    """Variable that is sampled in the place of correlations: (1 + partial correlation) / 2 of each pair (``lkj``)."""
    return f"{correlation}_offset"


def is_sampled_instead(name: str) -> bool:
    """Whether a variable is sampled in the place of effects or correlations, which follow from it."""
    return name.endswith("_offset")


def taken(columns: Iterable[str], groupings: Iterable[str]) -> set[str]:
    """Names that a fit may have for other things than these columns, of which some are grouping factors."""
    columns, groupings = list(columns), list(groupings)
    dims = {*map(common_dim, columns), *(Term(name, name).expression_dim for name in columns)}
    dims |= {Term(name, name).grouping_dim for name in groupings}
    # The expression of an intercept is 1.
    return {"chain", "draw", ROW_DIM, INTERCEPT, "1", *dims, *(f"{_CORRELATION}{name}" for name in groupings)}


def common_dim(name: str) -> str:
    """Dimension of the coefficients of a common term, where it has several."""
    return f"{name}_dim"


def label(dim: str, value) -> str:
    """A coordinate as names of parameters show it: thresholds are counted from 1, and Bambi counts them from 0."""
    # A column may be called "threshold", too: its levels are text.
    return str(value + 1) if dim == _THRESHOLD_DIM and not isinstance(value, str) else str(value)


def is_grouping_dim(dim: str) -> bool:
    """Whether a dimension is that of the units of a grouping factor."""
    return dim.endswith(_GROUPING_DIM)


def is_expression_dim(dim: str) -> bool:
    """Whether a dimension is that of several effects of a unit."""
    return dim.endswith(_EXPRESSION_DIM)
