"""The sections `comparisons`, `predictions` and `figures` of a new study: what its models make possible."""

from typing import Any

from partialpool.start.facts import Facts
from partialpool.start.family import Family
from partialpool.start.ladder import MOST_GROUPS, Ladder

# Units drawn in a figure over time, and in one of means: more cannot be told apart.
_MOST_LINES = 20
# Units whose means are predicted; a figure shows at most 200 anyway.
_MOST_UNITS = 500
# Times of a unit at which lines are drawn where it was measured, more often at evenly spaced ones.
_MOST_TIMES, _TIMES_DRAWN = 15, 9
# Families whose expected values are probabilities, of which a measurement says little by itself.
_OF_PROBABILITIES = ("bernoulli", "binomial")


def comparisons(facts: Facts, ladder: Ladder) -> dict[str, dict[str, Any]]:
    """Models that are worth comparing, on the same rows."""
    steps = [name for name in ladder.names if name != "separate"]
    without = facts.rows_without(facts.time, facts.condition)
    if without and len(ladder.names) > 1:
        needed = [facts.in_sentence(column) for column in (facts.time, facts.condition) if facts.rows_without(column)]
        return {
            "all": {
                "title": "Which model predicts best?",
                "text": f"On the {len(facts.measured) - without} measurements with a value of {' and '.join(needed)}.",
                "models": ladder.names,
                "rows": "common",
            }
        }
    if "alike" in ladder:
        return {"pooling": {"title": f"Do {facts.nouns[1]} differ?", "models": ladder.names}}
    made = {}
    if "separate" in ladder:
        made["pooling"] = {"title": "Does pooling predict better?", "models": ["separate", "pooled"]}
    if len(steps) > 1:
        made["predictors"] = {"title": f"{_question(facts, steps)} predict better?", "models": steps}
    return made


def _question(facts: Facts, steps: list[str]) -> str:
    """The beginning of a question: ``Do time and varying slopes``."""
    words = {"time": "time", "group": "groups", "varying": "varying differences", "slopes": "varying slopes"}
    if facts.condition:
        words["condition"] = facts.in_sentence(facts.condition)
    added = [words[name] for name in steps if name in words]
    listed = " and ".join([", ".join(added[:-1]), added[-1]] if len(added) > 1 else added)
    return f"{'Does' if steps[1:] in (['time'], ['condition']) else 'Do'} {listed}"


def predictions(facts: Facts, family: Family, ladder: Ladder) -> dict[str, dict[str, Any]]:
    """Values of units that were observed, and of a new one."""
    if family.name == "cumulative":
        # A row for each level: too many for all units.
        return {
            "some": {"models": ["pooled"], "units": list(facts.notable_units())},
            "new": {"models": ["pooled"], "new_units": 1},
        }
    of_means = [name for name in ("separate", "pooled") if name in ladder]
    quantities = ["expected"] if family.name in _OF_PROBABILITIES else ["expected", "predicted"]
    # In one trial successes are a probability.
    at_one = {"at": {facts.trials: [1]}} if facts.trials else {}
    made: dict[str, dict[str, Any]] = {
        "means": {"models": of_means, "units": "all" if facts.n_units <= _MOST_UNITS else _MOST_UNITS, **at_one},
        "some": {"models": ["pooled"], "units": list(facts.notable_units()), **at_one, "quantities": quantities},
        "new": {"models": ["pooled"], "new_units": 1, **at_one, "quantities": quantities},
    }
    if facts.has_lines:
        units = "all" if facts.n_units <= _MOST_LINES else _MOST_LINES
        often = facts.times_of_units.median() > _MOST_TIMES
        at = {facts.time: facts.times(_TIMES_DRAWN)} if often else {}
        at |= at_one.get("at", {})
        for name in ("time", "group", "slopes"):
            if name in ladder:
                made[f"{name}-lines"] = {"models": [name], "units": units, **({"at": at} if at else {})}
    return made


def figures(facts: Facts, family: Family, ladder: Ladder) -> dict[str, dict[str, Any]]:
    """Figures of what there is: measurements over time, means, shrinkage, some units, lines, slopes."""
    if family.name == "cumulative":
        # No figure shows probabilities of levels.
        return {}
    return {
        **_of_measurements(facts, family),
        **_of_means(facts, ladder),
        **_of_some(facts),
        **_of_lines(facts, ladder),
        **_of_slopes(facts, family, ladder),
    }


def _shown(facts: Facts) -> str:
    """Whose lines a figure shows: ``12 herds``, or ``20 herds drawn at random from 38``."""
    several = facts.nouns[1]
    if facts.n_units <= _MOST_LINES:
        return f"{facts.n_units} {several}"
    return f"{_MOST_LINES} {several} drawn at random from {facts.n_units}"


def _of_measurements(facts: Facts, family: Family) -> dict[str, dict[str, Any]]:
    # A least-squares line through zeros and ones says little.
    if not facts.time or family.name in _OF_PROBABILITIES:
        return {}
    shown, number = _shown(facts), f"{min(facts.n_units, _MOST_LINES)} {facts.nouns[1]}"
    lines = ", with a least-squares line for each" if facts.has_lines else f", each {facts.nouns[0]} at one time"
    return {
        "measurements": {
            "kind": "trajectories",
            "title": f"{facts.label(facts.outcome)} over time",
            "caption": f"Measurements of {shown}{lines}.",
            "alt": f"Points and a line for each of {number}." if facts.has_lines else f"Points of {number}.",
            "units": "all" if facts.n_units <= _MOST_LINES else _MOST_LINES,
        }
    }


def _of_means(facts: Facts, ladder: Ladder) -> dict[str, dict[str, Any]]:
    one, several = facts.nouns
    both = "separate" in ladder
    made: dict[str, dict[str, Any]] = {
        "intervals": {
            "kind": "gradient-intervals",
            "title": f"Mean of every {one}" + (", without and with pooling" if both else ""),
            "caption": f"Posterior of the mean of every {one}, in the order of the means.",
            "alt": f"A gradient for each of the {several}, rising from left to right, in {1 + both} panel{'s' * both}.",
            "predictions": "means",
            "section": "pooled",
        }
    }
    if both:
        made["shrinkage"] = {
            "kind": "shrinkage",
            "title": "Shrinkage",
            "caption": f"Estimated mean of every {one} without and with pooling; dashed, the mean of those without.",
            "alt": f"Two points for each of the {several}, joined by a line; a dashed horizontal line.",
            "predictions": "means",
            "section": "pooled",
        }
    return made


def _of_some(facts: Facts) -> dict[str, dict[str, Any]]:
    one, several = facts.nouns
    # The mean of measurements that are numbers.
    dashed, line, reference = ("; dashed, the mean of all measurements", ", and a dashed line", {"reference": True})
    if not facts.has_numbers:
        dashed, line, reference = "", "", {}
    return {
        "some": {
            "kind": "half-eyes",
            "title": f"Some {several}",
            "caption": f"{', '.join(f'{unit} ({why})' for unit, why in facts.notable_units().items())}{dashed}.",
            "alt": f"Half-eyes of {len(facts.notable_units())} {several}{line}.",
            "predictions": "some",
            **reference,
            "section": "pooled",
        },
        "new": {
            "kind": "half-eyes",
            "title": f"A new {one}",
            "caption": f"What is expected of a {one} that was never measured{dashed}.",
            "alt": f"One half-eye, wider than those of {several} observed{line}.",
            "predictions": "new",
            **reference,
            "section": "pooled",
        },
    }


def _of_lines(facts: Facts, ladder: Ladder) -> dict[str, dict[str, Any]]:
    several, made = facts.nouns[1], {}
    shown = min(facts.n_units, _MOST_LINES)
    for name in ("time", "group", "slopes"):
        if not facts.has_lines or name not in ladder:
            continue
        by_group = name == "group" and facts.n_groups <= MOST_GROUPS
        made[f"{name}-lines"] = {
            "kind": "fitted-trajectories",
            "title": "What the model expects over time"
            + (f", by {facts.in_sentence(facts.group)}" if by_group else ""),
            "caption": f"Lines of {_shown(facts)}.",
            "alt": f"{'Lines of different slope' if name == 'slopes' else 'Similar lines'}, one for each of {shown} "
            f"{several}.",
            "predictions": f"{name}-lines",
            **({"by_group": True} if by_group else {}),
            "section": name,
        }
    return made


def _of_slopes(facts: Facts, family: Family, ladder: Ladder) -> dict[str, dict[str, Any]]:
    # Behind a link, intercepts and slopes are not in the outcome's units.
    if "slopes" not in ladder or family.name != "gaussian":
        return {}
    one, several = facts.nouns
    return {
        "intercepts-slopes": {
            "kind": "intercepts-slopes",
            "title": "Levels and changes",
            "caption": f"Intercept and slope of each {one}, and the posterior of their correlation.",
            "alt": f"Left, a point with intervals for each of the {several}; right, the density of the correlation.",
            "model": "slopes",
            "section": "slopes",
        }
    }
