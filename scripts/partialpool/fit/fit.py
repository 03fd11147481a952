"""Spec and data -> all that is known of a model after sampling, as one DataTree."""

import json
from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from partialpool.errors import StudyError
from partialpool.model.automatic import automatic_priors
from partialpool.model.formula import complete_cases
from partialpool.model.names import ROW_DIM
from partialpool.model.outcome import outcome_levels
from partialpool.model.spec import ModelSpec

_CLOCKS = ("perf_counter", "process_time")
# By engine: where only scales move there is no funnel, and smaller steps are for nothing.
TARGET_ACCEPT = {"marginal": 0.8, "nuts": 0.95}


def fit(spec: ModelSpec, data: pd.DataFrame, *, cores: int = 1, progress=None):
    """Sample a model.

    Parameters
    ----------
    spec
        The model's spec: formula, family, link, priors, unit, engine, and the sampler's
        settings.
    data
        Prepared data with column ``row``; the model's complete cases are used.
    cores
        Chains that run at the same time. The draws do not depend on it.
    progress
        Called now and then with the state of all chains (``progress.Chain``), or with words where there are none.

    Returns
    -------
    DataTree
        ``posterior`` (chain, draw, ...), ``sample_stats`` (chain, draw), ``log_likelihood`` and
        ``posterior_predictive`` (chain, draw, __obs__), ``observed_data`` and ``constant_data`` (__obs__); the last
        has ``row`` and the columns of the formula. With ``group_effects: summary`` (and ``auto`` in a large study) a
        group ``group_effects`` takes the place of each unit's draws. Of an outcome with levels ``observed_data`` has
        positions, from 0, and the posterior's attribute ``levels`` their names as JSON. The attributes ``engine``,
        ``sampling`` and ``target_accept`` say what ran, ``why_nuts`` why another engine did not, and
        ``automatic_priors``, as JSON, which priors stand for those that the spec left out; the groups do not.

    Raises
    ------
    StudyError
        See ``formula.complete_cases`` and ``build.build``; and if ``engine: marginal`` cannot fit the model.
    """
    rows = complete_cases(spec, data)
    automatic = automatic_priors(spec, rows)
    for name, prior in automatic.items():
        print(f"Automatic prior: {name} ~ {prior}")
    spec = spec.with_priors(automatic)
    why_nuts: list[str] = []

    def tell(reason: str) -> None:
        _say(reason)
        why_nuts.append(reason)

    groups, how, attributes = (
        _by_marginal(spec, rows, cores, progress, tell)
        or _by_quadrature(spec, rows, cores, progress, tell)
        or _by_nuts(spec, rows, cores, progress)
    )
    tree = _tidy(groups, rows)
    tree.attrs |= how
    if why_nuts:
        tree.attrs["why_nuts"] = why_nuts[0]
    if automatic:
        tree.attrs["automatic_priors"] = json.dumps({name: str(prior) for name, prior in automatic.items()})
    # What only Bambi knows, for those who read the fit without it.
    tree["posterior"].attrs |= attributes
    if levels := outcome_levels(spec, rows):
        tree["posterior"].attrs["levels"] = json.dumps(levels)
    return tree


def _say(reason: str) -> None:
    print(f"Engine: nuts, because {reason}.")


def _by_marginal(
    spec: ModelSpec, rows: pd.DataFrame, cores: int, progress, tell: Callable[[str], None]
) -> tuple[dict, dict, dict] | None:
    """Groups, attributes of the fit and of its posterior; None if the marginal engine is not to fit the model.

    ``tell`` is called with the reason, if it cannot.
    """
    matrices = closed_form(spec, rows, tell)
    if matrices is None:
        return None
    from partialpool.marginal import posterior

    spec = settled(spec, "marginal")
    groups, how = posterior.fit(replace(matrices, spec=spec), cores=cores, progress=progress)
    how |= {"engine": "marginal", "target_accept": spec.target_accept}
    return groups, how, {"family_parameters": "sigma", "link": "identity"}


def _by_quadrature(
    spec: ModelSpec, rows: pd.DataFrame, cores: int, progress, tell: Callable[[str], None]
) -> tuple[dict, dict, dict] | None:
    """As ``_by_marginal``."""
    model = integrable(spec, rows, cores, tell)
    if model is None:
        return None
    from partialpool.quadrature import posterior
    from partialpool.quadrature.densities import NoQuadrature

    try:
        groups, how = posterior.fit(model, progress=progress)
    except NoQuadrature as reason:
        tell(f"quadrature cannot fit this model: {reason}")
        return None
    attributes = {"family_parameters": " ".join(model.family.parameters), "link": model.link}
    return groups, how, attributes


def _by_nuts(spec: ModelSpec, rows: pd.DataFrame, cores: int, progress) -> tuple[dict, dict, dict]:
    """As ``_by_marginal``."""
    from partialpool.fit.nuts import nuts

    spec = settled(spec, "nuts")
    groups, attributes = nuts(spec, rows, cores=cores, progress=progress)
    return groups, {"engine": "nuts", "sampling": "nuts", "target_accept": spec.target_accept}, attributes


def settled(spec: ModelSpec, engine: str) -> ModelSpec:
    """A spec with what it leaves to the engine."""
    return replace(spec, target_accept=spec.target_accept or TARGET_ACCEPT[engine])


def integrable(spec: ModelSpec, rows: pd.DataFrame, cores: int = 1, tell: Callable[[str], None] = _say):
    """The model for quadrature if the effects of its units are to be integrated so, else None; ``tell`` is told why.

    That is a model of another family than the Gaussian, small enough that NUTS would take longer, or without effects.
    """
    if spec.engine == "nuts" or spec.family == "gaussian":
        return None
    from partialpool.quadrature.densities import NoQuadrature
    from partialpool.quadrature.model import model_of

    try:
        return model_of(spec, rows, cores=cores)
    except NoQuadrature as reason:
        tell(f"quadrature cannot fit this model: {reason}")
        return None


def closed_form(spec: ModelSpec, rows: pd.DataFrame, tell: Callable[[str], None] = _say):
    """The model as matrices if its engine is to be the marginal one, else None; ``tell`` is told why."""
    from partialpool.marginal.closed_form import design
    from partialpool.model.design import NoClosedForm

    if spec.engine == "nuts":
        return None
    try:
        return design(spec, rows)
    except NoClosedForm as reason:
        if spec.engine == "marginal":
            raise StudyError(
                f"formula '{spec.formula}': 'engine: marginal' cannot fit this model: {reason}. "
                "Write 'engine: auto', which takes NUTS over all parameters where it must."
            ) from None
        if spec.group_effects == "summary":
            raise StudyError(
                f"formula '{spec.formula}': 'group_effects: summary' needs the marginal engine, and it cannot fit "
                f"this model: {reason}. Write 'group_effects: draws'."
            ) from None
        if spec.family == "gaussian":
            tell(f"the marginal engine cannot fit this model: {reason}")
        return None


def _tidy(groups: dict, rows: pd.DataFrame):
    """Keep the contract's groups, without what follows from them and without the hour of the day."""
    import xarray as xr

    posterior = groups["posterior"]
    # Variables that Bambi adds for every row; they follow from the others.
    posterior = posterior.drop_dims(ROW_DIM, errors="ignore")
    stats = groups["sample_stats"]
    kept = {
        "posterior": posterior,
        # Text and objects (nutpie's divergence messages) have no place in a NetCDF array of numbers,
        # and PyMC's clocks none among draws that must be the same each time.
        "sample_stats": stats.drop_vars(
            [name for name, v in stats.items() if v.dtype.kind not in "biuf" or name.startswith(_CLOCKS)]
        ),
        "log_likelihood": groups["log_likelihood"],
        "posterior_predictive": groups["posterior_predictive"],
        "observed_data": groups["observed_data"],
        "constant_data": constant_data(rows),
    }
    if "group_effects" in groups:
        kept["group_effects"] = groups["group_effects"]
    for dataset in kept.values():
        for attribute in ("created_at", "sampling_time"):
            dataset.attrs.pop(attribute, None)
    return xr.DataTree.from_dict(kept)


def constant_data(rows: pd.DataFrame):
    """The rows of a model as a Dataset over ``__obs__``; categories as text."""
    import xarray as xr

    columns = {
        name: column.astype(str).to_numpy(dtype=object)
        if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype.kind not in "biuf"
        else column.to_numpy()
        for name, column in rows.items()
    }
    return xr.Dataset(
        {name: (ROW_DIM, values) for name, values in columns.items()},
        coords={ROW_DIM: range(len(rows))},
    )
