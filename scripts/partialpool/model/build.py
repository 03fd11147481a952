"""From a spec and its rows to a ``bambi.Model``, with correlated group-level effects if the formula has them."""

import pandas as pd

from partialpool.errors import StudyError
from partialpool.model.formula import bars
from partialpool.model.lkj import CorrelatedBlock
from partialpool.model.names import bambi_blocks
from partialpool.model.spec import ModelSpec


def build(spec: ModelSpec, rows: pd.DataFrame):
    """Build the Bambi model of a spec; nothing is compiled yet.

    Parameters
    ----------
    spec
        The model's spec : formula, family, link, priors, unit.
    rows
        Its complete cases (``complete_cases``).

    Returns
    -------
    bambi.Model
        With the spec's priors on every parameter. Correlations are named as ``names.blocks`` names them.

    Raises
    ------
    StudyError
        If the family is unknown, or a parameter has no prior, or a prior has no parameter.
    """
    import bambi

    try:
        model = bambi.Model(spec.formula, rows, family=spec.family, link=spec.link, auto_scale=False)
    except Exception as error:  # Bambi raises ValueError, KeyError and formulae's own
        raise StudyError(f"formula '{spec.formula}', family '{spec.family}': {error}") from None
    parent = model.parameters[model.family.likelihood.parent]

    if named := [name for name in (model.response_term.name, *parent.terms) if "/" in name]:
        raise StudyError(
            f"formula '{spec.formula}': PyMC has no names with a slash, as in '{named[0]}'. "
            "Write a multiplication, I(0.5 * x), or compute the column beforehand."
        )

    if clash := [name for name in parent.terms if name in model.family.likelihood.params]:
        raise StudyError(
            f"formula '{spec.formula}': '{clash[0]}' is also the name of a parameter of the family "
            f"'{spec.family}'. Rename the column."
        )

    priors = _Priors(spec)
    wanted = {}
    if parent.intercept_term:
        wanted[parent.intercept_term.name] = priors.take("Intercept").to_bambi()
    for name, term in parent.common_terms.items():
        if term.kind != "offset":
            wanted[name] = priors.take("b", name).to_bambi()
    for name in model.marginal_parameters:
        wanted[name] = priors.take(name).to_bambi()
    for block in bambi_blocks(bars(spec.formula), parent.group_specific_terms):
        names = [term.name for term in block.terms]
        if twice := [name for name in names if name in wanted]:
            raise StudyError(
                f"formula '{spec.formula}': '{twice[0]}' stands in two terms. (x | unit) has an intercept; "
                "write (0 + x | unit) for slopes that are independent of it."
            )
        # Its product of such effects and levels of the outcome has the wrong shape or, worse, the wrong values.
        vectors = [term.name for term in block.terms if len(term.coefficients) > 1]
        if vectors and model.response_term.coords:
            raise StudyError(
                f"formula '{spec.formula}': Bambi cannot give '{vectors[0]}' several effects in the family "
                f"'{spec.family}'."
            )
        sds = [priors.take("sd", term.coefficient).to_bambi() for term in block.terms]
        if block.correlation is None:
            wanted[names[0]] = bambi.Prior("Normal", auto_scale=False, mu=0, sigma=sds[0])
        else:
            correlated = CorrelatedBlock(block, dict(priors.take("cor").args)["eta"])
            wanted |= {name: correlated.prior(sd) for name, sd in zip(names, sds, strict=True)}
    priors.refuse_unused()
    model.set_priors(wanted)
    return model


class _Priors:
    """The priors of a spec; knows which were asked for, so that none is missing and none is idle."""

    def __init__(self, spec: ModelSpec):
        self.formula = spec.formula
        self.priors = spec.priors
        self.used: set[str] = set()
        self.asked: list[str] = []

    def take(self, klass: str, coefficient: str | None = None):
        own = f"{klass}[{coefficient}]"
        for key in (own, klass):
            if key in self.priors:
                self.used.add(key)
                return self.priors[key]
            self.asked.append(key)
        raise StudyError(
            f"formula '{self.formula}' has a parameter of class '{klass}' "
            f"{f'({coefficient}) ' if coefficient else ''}without a prior. "
            f"Add to its priors, for example:  {klass}: {_EXAMPLES.get(klass, 'Exponential(1)')}"
        )

    def refuse_unused(self) -> None:
        if idle := sorted(set(self.priors) - self.used):
            valid = sorted({*self.used, *self.asked})
            raise StudyError(
                f"formula '{self.formula}' has no parameter for the prior of {', '.join(idle)}. "
                f"Its classes: {', '.join(key for key in valid if not key.endswith('[None]'))}."
            )


_EXAMPLES = {"Intercept": "Normal(0, 1)", "b": "Normal(0, 1)", "cor": "LKJ(1)"}
