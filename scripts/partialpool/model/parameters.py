"""Bambi's variables under the names that an R user would look for: `sd(Intercept)`, `cor(Intercept,x)`, `r_id[6,x]`."""

from dataclasses import dataclass

import numpy as np

from partialpool.model import names


@dataclass(frozen=True)
class Parameter:
    """One number of the posterior: its name, where it is, and whether it belongs to one member of a group."""

    name: str
    variable: str
    index: tuple[int, ...]
    kind: str
    """``common``, ``sd``, ``cor``, ``family`` or ``group`` (the effects of one unit)."""

    def draws(self, posterior) -> np.ndarray:
        """Draws, shape (chain, draw)."""
        return posterior[self.variable].transpose("chain", "draw", ...).to_numpy()[(..., *self.index)]


def of(posterior, *, factors: bool | None = None) -> list[Parameter]:
    """All parameters of a posterior.

    Parameters
    ----------
    posterior
        Dataset with Bambi's variables and dimensions (chain, draw, ...), its attribute ``family_parameters`` set by
        ``fit.fit``.
    factors
        Whether names of standard deviations and correlations say of which grouping factor they are,
        ``sd(id:Intercept)``; by default they do if there are several.

    Returns
    -------
    list of Parameter
        Common coefficients first, then sd, cor, the parameters of the family, and the effects of each group's members.
    """
    family = posterior.attrs.get("family_parameters", "").split()
    if factors is None:
        factors = len({term.grouping for term in names.effect_terms(posterior)}) > 1
    kinds: dict[str, list[Parameter]] = {kind: [] for kind in ("common", "sd", "cor", "family", "group")}
    for name, values in posterior.data_vars.items():
        dims = [dim for dim in values.dims if dim not in ("chain", "draw")]
        levels = [[names.label(str(dim), level) for level in values.coords[dim].values] for dim in dims]
        for index in np.ndindex(*(len(level) for level in levels)):
            labels = {dim: levels[i][index[i]] for i, dim in enumerate(dims)}
            kind, spelled = _spell(str(name), labels, factors)
            kind = "family" if name in family else kind
            kinds[kind].append(Parameter(spelled, str(name), index, kind))
    kinds["common"].sort(key=lambda parameter: parameter.name != "Intercept")
    return [parameter for parameters in kinds.values() for parameter in parameters]


def _spell(name: str, labels: dict[str, str], several: bool) -> tuple[str, str]:
    """Kind and name of the number of a variable with some labels by dimension.

    ``several`` is whether the model has several grouping factors, so that each parameter must say to which it belongs.
    """
    kind, what = names.classify(name, labels)
    if kind == "cor":
        pair = labels.pop(names.pair_dim(name))
        return kind, f"cor({f'{what}:' if several else ''}{pair}){_in_brackets(labels.values())}"
    if kind == "common":
        return kind, f"{name}{_in_brackets(labels.values())}"
    level = _in_brackets(label for dim, label in labels.items() if names.is_expression_dim(dim))
    unit = "".join(label for dim, label in labels.items() if names.is_grouping_dim(dim))
    response = _in_brackets(
        label for dim, label in labels.items() if not (names.is_expression_dim(dim) or names.is_grouping_dim(dim))
    )
    coefficient = f"{what.coefficient}{level}"
    if kind == "sd":
        return kind, f"sd({f'{what.grouping}:' if several else ''}{coefficient}){response}"
    return kind, f"r_{what.grouping}[{unit},{coefficient}]{response}"


def _in_brackets(labels) -> str:
    """``[a,b]``, or nothing if there is no label."""
    text = ",".join(labels)
    return f"[{text}]" if text else ""
