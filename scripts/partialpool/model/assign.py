"""Which parameters a formula has, and which prior of the spec each of them gets: the same for both engines."""

from collections.abc import Iterable
from dataclasses import dataclass

from partialpool.errors import StudyError
from partialpool.model.names import INTERCEPT, Block, Term
from partialpool.model.priors import POSITIVE, Distribution
from partialpool.model.spec import ModelSpec

_EXAMPLES = {INTERCEPT: "Normal(0, 1)", "b": "Normal(0, 1)", "cor": "LKJ(1)", "threshold": "Normal(0, 3)"}


@dataclass(frozen=True)
class Priors:
    """The prior of every parameter of a model.

    Attributes
    ----------
    common
        By name of the common term, ``Intercept`` among them; for all coefficients of a term.
    family
        By name of the parameter: ``sigma``.
    sd
        Of the standard deviations, by name of the term of group-level effects: ``x|id``.
    eta
        Of the LKJ(eta) correlations; None if there are none.
    """

    common: dict[str, Distribution]
    family: dict[str, Distribution]
    sd: dict[str, Distribution]
    eta: float | None


def assign(
    spec: ModelSpec,
    *,
    outcome: str,
    common: Iterable[str],
    offsets: Iterable[str],
    blocks: Iterable[Block],
    parameters: Iterable[str],
    parent: str,
    outcome_has_levels: bool = False,
) -> Priors:
    """Give each parameter its prior.

    Parameters
    ----------
    spec
        The model's spec.
    outcome
        Name of the outcome, as a term of the formula.
    common, offsets
        Names of the common terms with coefficients, ``Intercept`` among them, and of those without.
    blocks
        The bars of the formula.
    parameters, parent
        Names of the family's parameters that have a prior; and of the one that the terms of the formula make.
    outcome_has_levels
        Whether each level of the outcome has coefficients of its own.

    Raises
    ------
    StudyError
        If there are no parameters, one has no prior, a prior no parameter, or a term a name that it cannot have.
    """
    common, offsets, blocks, parameters = list(common), list(offsets), list(blocks), list(parameters)
    effects = [term for block in blocks for term in block.terms]
    if not [*common, *effects, *parameters]:
        raise StudyError(f"formula '{spec.formula}': the model has no parameters. Write 1 for an intercept.")
    _check_names(spec, outcome, [*common, *offsets, *(term.name for term in effects)], [*parameters, parent])
    _check_scale(spec, common, parameters)
    _check_coding(spec, effects)
    search = _Search(spec)
    common_priors = {name: search.take(name) if name == INTERCEPT else search.take("b", name) for name in common}
    family_priors = {name: search.take(name) for name in parameters}
    sd_priors: dict[str, Distribution] = {}
    eta = None
    for block in blocks:
        names = [term.name for term in block.terms]
        if twice := [name for name in names if name in sd_priors or names.count(name) > 1]:
            raise StudyError(
                f"formula '{spec.formula}': '{twice[0]}' stands in two terms. (x | unit) has an intercept; "
                "write (0 + x | unit) for slopes that are independent of it."
            )
        # Bambi's product of such effects and levels of the outcome has the wrong shape or, worse, the wrong values.
        vectors = [term.name for term in block.terms if len(term.coefficients) > 1]
        if vectors and outcome_has_levels:
            raise StudyError(
                f"formula '{spec.formula}': Bambi cannot give '{vectors[0]}' several effects in the family "
                f"'{spec.family}'."
            )
        sd_priors |= {term.name: search.take("sd", term.coefficient) for term in block.terms}
        if block.correlation:
            eta = dict(search.take("cor").args)["eta"]
    search.refuse_unused()
    return Priors(common_priors, family_priors, sd_priors, eta)


def _check_names(spec: ModelSpec, outcome: str, terms: list[str], parameters: list[str]) -> None:
    if slashed := [name for name in (outcome, *terms) if "/" in name]:
        raise StudyError(
            f"formula '{spec.formula}': PyMC has no names with a slash, as in '{slashed[0]}'. "
            "Write a multiplication, I(0.5 * x), or compute the column beforehand."
        )
    if clash := [name for name in terms if name in parameters]:
        raise StudyError(
            f"formula '{spec.formula}': '{clash[0]}' is also the name of a parameter of the family "
            f"'{spec.family}'. Rename the column."
        )


def _check_scale(spec: ModelSpec, common: list[str], parameters: list[str]) -> None:
    """Bambi calls the scale of Laplace families b, as the class of coefficients is called."""
    if "b" not in parameters or "b" not in spec.priors:
        return
    alone = {f"b[{name}]" for name in common if name != INTERCEPT} <= set(spec.priors)
    if not alone or spec.priors["b"].name not in POSITIVE:
        raise StudyError(
            f"formula '{spec.formula}': in the family '{spec.family}' b is the scale, which cannot be negative. Write "
            "the priors of coefficients one by one, as b[x]."
        )


def _check_coding(spec: ModelSpec, effects: list[Term]) -> None:
    """A category has the same effects behind all bars: they are labels of one dimension of the posterior."""
    seen: dict[str, Term] = {}
    for term in effects:
        other = seen.setdefault(term.expression, term)
        if other.levels != term.levels:
            raise StudyError(
                f"formula '{spec.formula}': '{other.name}' has the effects {', '.join(other.coefficients)} and "
                f"'{term.name}' {', '.join(term.coefficients)}, because only one of the grouping factors has an "
                "intercept. Give both of them one, or none."
            )


class _Search:
    """Looks priors up in a spec and remembers which were used, so that a missing or an unused one is noticed."""

    def __init__(self, spec: ModelSpec):
        self.formula, self.priors = spec.formula, spec.priors
        self.used: set[str] = set()
        self.asked: list[str] = []

    def take(self, klass: str, coefficient: str | None = None) -> Distribution:
        """The prior of one coefficient, ``sd[x]``, or else that of its class, ``sd``."""
        for key in (f"{klass}[{coefficient}]", klass):
            if key in self.priors:
                self.used.add(key)
                return self.priors[key]
            self.asked.append(key)
        which = f"({coefficient}) " if coefficient else ""
        raise StudyError(
            f"formula '{self.formula}' has a parameter of class '{klass}' {which}without a prior. "
            f"Add to its priors, for example:  {klass}: {_EXAMPLES.get(klass, 'Exponential(1)')}"
        )

    def refuse_unused(self) -> None:
        if idle := sorted(set(self.priors) - self.used):
            valid = sorted(key for key in {*self.used, *self.asked} if not key.endswith("[None]"))
            raise StudyError(
                f"formula '{self.formula}' has no parameter for the prior of {', '.join(idle)}. "
                f"Its classes: {', '.join(valid)}."
            )
