"""Titles, captions and alternative texts of figures."""

from partialpool.study.figures import InterceptsSlopes
from partialpool.study.study import Study


def figure_title(study: Study, name: str) -> str:
    """Heading of a figure.

    Parameters
    ----------
    study
        The study.
    name
        A figure of the config, ``diagnostics-{model}``, ``ppc-{model}`` or ``comparison-{comparison}``.
    """
    if name in study.figures:
        return study.figures[name].title
    kind, _, of = name.partition("-")
    if kind == "comparison":
        return study.comparisons[of].title
    return f"{study.models[of].title}: {'diagnostics' if kind == 'diagnostics' else 'posterior predictive check'}"


def alt(study: Study, name: str) -> str:
    """Text for readers who cannot see a figure."""
    return study.figures[name].alt if name in study.figures else caption(study, name)


def caption(study: Study, name: str) -> str:
    """What a figure shows, from how many draws, and whose values."""
    if name in study.figures:
        return f"{study.figures[name].caption.strip()} {draws_sentence(study, name)}"
    kind, _, of = name.partition("-")
    if kind == "comparison":
        return _comparison(study, of)
    return _diagnostics(study, of) if kind == "diagnostics" else _predictive_check(study, of)


def draws_sentence(study: Study, name: str) -> str:
    """Whose values a figure of the config shows, with which interval, from how many draws."""
    figure, models = study.figures[name], study.figure_models(name)
    if not models:
        return "Measurements only: no model, no draws."
    draws = ", ".join(f"{study.draws_of(model)} of {study.models[model].title}" for model in models)
    only_means = figure.kind in ("shrinkage", "three-poolings", "fitted-trajectories")
    shown = "means" if only_means else "means and 95 % equal-tailed intervals"
    return f"{whose_values(study, name)}: posterior {shown}; draws: {draws}."


def whose_values(study: Study, name: str) -> str:
    """Whose values a figure of predictions or effects shows."""
    figure = study.figures[name]
    if isinstance(figure, InterceptsSlopes):
        return "Units observed"
    prediction = study.predictions[figure.predictions]
    whose = "new units" if prediction.new_units else "units observed"
    return f"{' and '.join(prediction.quantities).capitalize()} values of {whose}"


def _comparison(study: Study, comparison: str) -> str:
    draws = ", ".join(f"{model} {study.draws_of(model)}" for model in study.comparisons[comparison].models)
    return (
        "Expected log predictive density by leave-one-out cross-validation, with its standard error, and its "
        "difference to the best model: for a new measurement of a unit observed, and for a new unit, of "
        f"whom no measurement is known; draws: {draws}. "
        "Intervals here are plus and minus one standard error."
    )


def _diagnostics(study: Study, model: str) -> str:
    return (
        f"{study.models[model].title}: traces and ranks of parameters by chain, and the energy of the sampler; "
        f"{study.draws_of(model)} draws after warmup. Where chains agree, their rank distributions differ by "
        "next to nothing; the energy should be spread no wider than the steps between draws."
    )


def _predictive_check(study: Study, model: str) -> str:
    return (
        f"{study.models[model].title}: the measurements against data sets drawn from the posterior predictive "
        f"distribution of the units observed, out of {study.draws_of(model)} draws; p is the share of these whose "
        "quantity is at least the observed one."
    )
