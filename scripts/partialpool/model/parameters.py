"""Bambi's variables under the names that an R user would look for: `sd(Intercept)`, `cor(Intercept,x)`, `r_id[6,x]`."""

from dataclasses import dataclass

import numpy as np


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


def of(posterior) -> list[Parameter]:
    """All parameters of a posterior.

    Parameters
    ----------
    posterior
        Dataset with Bambi's variables and dimensions (chain, draw, ...), its attribute ``family_parameters`` set by
        ``sampling.fit``.

    Returns
    -------
    list of Parameter
        Common coefficients first, then sd, cor, the parameters of the family, and the effects of each group's members.
    """
    family = posterior.attrs.get("family_parameters", "").split()
    sds = [
        name
        for name, values in posterior.data_vars.items()
        if "|" in name and not any(dim.endswith("__factor_dim") for dim in values.dims)
    ]
    factors = {name.partition("|")[2].removesuffix("_sigma") for name in sds}
    kinds: dict[str, list[Parameter]] = {kind: [] for kind in ("common", "sd", "cor", "family", "group")}
    for name, values in posterior.data_vars.items():
        dims = [dim for dim in values.dims if dim not in ("chain", "draw")]
        levels = [[str(level) for level in values.coords[dim].values] for dim in dims]
        for index in np.ndindex(*(len(level) for level in levels)):
            labels = {dim: levels[i][index[i]] for i, dim in enumerate(dims)}
            kind, spelled = _spell(str(name), labels, factors)
            kind = "family" if name in family else kind
            kinds[kind].append(Parameter(spelled, str(name), index, kind))
    kinds["common"].sort(key=lambda parameter: parameter.name != "Intercept")
    return [parameter for parameters in kinds.values() for parameter in parameters]


def _spell(name: str, labels: dict[str, str], factors: set[str]) -> tuple[str, str]:
    rest = [label for dim, label in labels.items() if not dim.endswith(("__factor_dim", "__expr_dim"))]
    response = f"[{','.join(rest)}]" if rest else ""
    if "|" in name:
        expr, _, factor = name.partition("|")
        coefficient = "Intercept" if expr == "1" else expr
        level = next((label for dim, label in labels.items() if dim.endswith("__expr_dim")), None)
        coefficient += f"[{level}]" if level is not None else ""
        member = next((label for dim, label in labels.items() if dim.endswith("__factor_dim")), None)
        if member is None:
            where = f"{factor.removesuffix('_sigma')}:" if len(factors) > 1 else ""
            return "sd", f"sd({where}{coefficient}){response}"
        return "group", f"r_{factor}[{member},{coefficient}]{response}"
    if name.startswith("cor_") and f"{name}_dim" in labels:
        factor = name.removeprefix("cor_").rstrip("_")
        where = f"{factor}:" if len(factors) > 1 else ""
        others = [label for dim, label in labels.items() if dim != f"{name}_dim"]
        return "cor", f"cor({where}{labels[f'{name}_dim']})" + (f"[{','.join(others)}]" if others else "")
    return "common", name + response
