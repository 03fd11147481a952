"""What every model has: a summary of its parameters, its variance, and whether its draws can be trusted."""

from collections.abc import Iterator, Mapping

import pandas as pd

from partialpool.fit import diagnostics, store
from partialpool.model.spec import ModelSpec
from partialpool.predict import variance


def summarise(
    models: Mapping[str, Mapping],
    *,
    prepared: str,
    fits: Mapping[str, str],
    thresholds: Mapping[str, float],
    on_failed_check: str,
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame, str]]:
    """Summarise models.

    Parameters
    ----------
    models
        By name ``spec``, and ``at``, values of covariates for the variance.
    prepared
        Path of the prepared data.
    fits
        Paths by model.
    thresholds
        See ``diagnostics.check``.
    on_failed_check
        ``stop`` or ``report``.

    Yields
    ------
    summary, sizes, checks
        Of each model in their order: its parameters (``diagnostics.summarise``), its variance (``variance.of_fit``),
        and its checks as JSON.

    Raises
    ------
    StudyError
        After the last model, if checks failed and ``on_failed_check`` is ``stop``: which, of all models.
    """
    data, checked = pd.read_parquet(prepared), {}
    for name, entry in models.items():
        *tables, text, checked[name] = _summary(fits[name], entry, data, thresholds)
        yield *tables, text
    if on_failed_check == "stop":
        diagnostics.refuse_failed(checked)


def _summary(path: str, entry: Mapping, data: pd.DataFrame, thresholds: Mapping[str, float]):
    """What ``summarise`` yields of a model, and its checks with its spec; the fit does not stay in memory."""
    tree = store.load(path, diagnostics.GROUPS, spec=ModelSpec.from_dict(entry["spec"]))
    spec = store.spec_of(tree)
    summary = diagnostics.summarise(tree["posterior"].to_dataset())
    checks = diagnostics.check(summary, tree, thresholds)
    sizes = variance.of_fit(tree, spec, data, at=entry["at"])
    return summary, sizes, diagnostics.to_json(checks, tree), (checks, spec)
