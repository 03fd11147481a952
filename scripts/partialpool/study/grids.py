"""Figures of kind `grid`: what their axes say, and whether they show measurements."""

from partialpool.model.parts import columns, has_offset, left_side, trials
from partialpool.study.study import Study


def labels(study: Study, name: str) -> dict[str, str]:
    """What the axes say: ``x``, ``by`` and ``value``."""
    figure, label = study.figures[name], study.data.label
    prediction = study.predictions[figure.predictions]
    outcome = outcome_of(study, name)
    value = f"Expected {study.data.measured_label(outcome) if outcome else 'value'}"
    if study.of_probabilities(name):
        value = "Probability"
    if prediction.contrast:
        [(column, (first, second))] = prediction.contrast.items()
        value = f"{value}: {label(column)} {second} {'/' if prediction.ratio else '\N{MINUS SIGN}'} {first}"
    elif prediction.slope:
        value = f"{value}: change per unit of {study.data.measured_label(prediction.slope)}"
    unit = {study.data.unit: study.data.axis_labels["unit"]}
    x = unit.get(figure.x, study.data.measured_label(figure.x))
    by = unit.get(figure.by, label(figure.by)) if figure.by else ""
    return {"x": x, "by": by, "value": value}


def measured_outcome(study: Study, name: str) -> str | None:
    """Column left in the formulas if a figure is on its scale and shows measurements; else None.

    Neither a function of the outcome nor successes of different numbers of trials are on the scale of measurements,
    nor are values at one offset, such as a year of observation, where measurements have others.
    """
    figure = study.figures[name]
    prediction = study.predictions[figure.predictions]
    formulas = [study.models[model].formula for model in study.figure_models(name)]
    of_trials = any(map(trials, formulas)) or (prediction.rows is None and any(map(has_offset, formulas)))
    if not figure.measurements or prediction.contrast or prediction.slope or of_trials:
        return None
    outcome = outcome_of(study, name)
    return outcome if outcome in (study.data.outcome, *study.data.derive) else None


def outcome_of(study: Study, name: str) -> str | None:
    """Left side of the formulas of the models shown, or the successes of a number of trials, if it is one."""
    formulas = [study.models[model].formula for model in study.figure_models(name)]
    sides = {columns(formula)[0] if trials(formula) else left_side(formula).strip("`") for formula in formulas}
    return sides.pop() if len(sides) == 1 else None
