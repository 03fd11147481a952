"""How Bambi spells terms, coefficients and dimensions: the one file that knows."""

from partialpool.errors import StudyError
from partialpool.model.formula import bars


def coefficient_names(term) -> list[str]:
    """Names of the coefficients of a group-specific Bambi term: ``Intercept``, ``x``, ``g[B]``."""
    expr = term.name.partition("|")[0]
    name = "Intercept" if expr == "1" else expr
    levels = [values for dim, values in term.coords.items() if dim.endswith("__expr_dim")]
    return [f"{name}[{level}]" for level in levels[0]] if levels else [name]


def blocks(formula: str, terms: dict) -> list[tuple[list, str | None]]:
    """The group-specific Bambi terms of each bar, and the name of their correlation; None for a single effect."""
    found: list[tuple[list, str | None]] = []
    for names in bars(formula):
        own = [terms[name] for name in names]
        correlation = None
        if sum(len(coefficient_names(term)) for term in own) > 1:
            correlation = f"cor_{names[0].partition('|')[2]}"
            while correlation in [taken for _, taken in found]:
                correlation += "_"
        found.append((own, correlation))
    return found


def refuse_summaries(posterior) -> None:
    """Raise StudyError if a posterior has standard deviations of effects and no draws of them."""
    sds = [name for name in posterior.data_vars if "|" in name and name.endswith("_sigma")]
    if lacking := [name for name in sds if name.removesuffix("_sigma") not in posterior]:
        raise StudyError(
            f"This needs draws of the effects {', '.join(name.removesuffix('_sigma') for name in lacking)}, of which "
            "the fit keeps a summary. Write 'group_effects: draws' for the model."
        )


def inner_coords(term) -> dict[str, list]:
    """Coordinates of the several effects of a group-specific term; empty if it has one."""
    return {dim: list(labels) for dim, labels in term.coords.items() if dim.endswith("__expr_dim")}
