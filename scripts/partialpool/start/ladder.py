"""The ladder of models: each adds one thing to one before it, and what the data cannot carry is left out."""

from dataclasses import dataclass

from partialpool.start import priors
from partialpool.start.columns import quoted
from partialpool.start.facts import LEAST_UNITS, Facts
from partialpool.start.family import Family
from partialpool.start.priors import Scale

# ASSUME: without pooling every unit costs a parameter. Beyond these the model takes long and tells nothing more: NUTS
# fits it, and again without many a row (320 s for 354 counts of 78 regions). The marginal engine, which integrates the
# parameters out, goes further.
MOST_WITHOUT_POOLING = {"gaussian": 300}
MOST_WITHOUT_POOLING_ELSE = 50
# ASSUME: a slope of each unit needs so many times in half of the units, and so many units. Yes and no tell less.
LEAST_TIMES = {"bernoulli": 8}
LEAST_TIMES_ELSE = 3
# ASSUME: more groups or conditions than these are pooled like units, fewer have a coefficient each.
MOST_GROUPS = 8
# ASSUME: differences between conditions that vary over units need so many measurements of a unit in each condition, in
# half of the units; and of more conditions than these there would be too many correlations.
LEAST_REPEATS = {"bernoulli": 8}
LEAST_REPEATS_ELSE = 2
MOST_VARYING = 4


@dataclass(frozen=True)
class Rung:
    """One model: its name, words, formula and priors."""

    name: str
    title: str
    text: str
    formula: str
    priors: dict[str, str]


@dataclass(frozen=True)
class Ladder:
    """The models in their order, and what was left out and why."""

    rungs: list[Rung]
    left_out: list[str]

    def __contains__(self, name: str) -> bool:
        return name in self.names

    @property
    def classes(self) -> set[str]:
        """Classes of parameters that have a prior in some model."""
        return {name for rung in self.rungs for name in rung.priors}

    @property
    def names(self) -> list[str]:
        """Names of the models."""
        return [rung.name for rung in self.rungs]


def build(facts: Facts, family: Family, scale: Scale) -> Ladder:
    """The models that the data can carry."""
    builder = _Builder(facts, family, scale)
    builder.pooling()
    if facts.time:
        builder.time()
    if facts.condition:
        builder.condition()
    if facts.group:
        builder.group()
    if facts.time:
        builder.slopes()
    # Bambi has no model of thresholds alone.
    if len(builder.rungs) == 1 and family.name != "cumulative":
        builder.alike()
    return Ladder(builder.rungs, builder.left_out)


class _Builder:
    def __init__(self, facts: Facts, family: Family, scale: Scale):
        self.facts, self.family, self.scale = facts, family, scale
        self.rungs: list[Rung] = []
        self.left_out: list[str] = []
        self.outcome, self.unit = quoted(facts.outcome), quoted(facts.unit)
        if facts.trials:
            self.outcome = f"p({self.outcome}, {quoted(facts.trials)})"
        # Families of ordered levels have thresholds in the place of an intercept.
        has_intercept = family.name != "cumulative"
        self.intercept = {"Intercept": priors.of_intercept(scale)} if has_intercept else {}

    def add(self, name: str, title: str, text: str, terms: str, own: dict[str, str]) -> None:
        far = self.facts.time_mean / self.facts.time_sd if f"b[{self.facts.time}]" in own else 0.0
        of_family = priors.of_family(self.family, self.scale, far)
        self.rungs.append(Rung(name, title, text, f"{self.outcome} ~ {terms}", own | of_family))

    def pooling(self) -> None:
        one, several = self.facts.nouns
        if reason := self._not_without_pooling():
            self.left_out.append(f"no pooling (0 + {self.unit}): {reason}")
        else:
            self.add(
                "separate",
                "No pooling",
                f"Every {one} has a mean of its own, estimated from its own measurements and nothing else.",
                f"0 + {self.unit}",
                {"b": priors.of_intercept(self.scale)},
            )
        self.add(
            "pooled",
            "Partial pooling",
            f"The means of the {several} come from one population, whose mean and spread are estimated too.",
            f"1 + (1 | {self.unit})",
            self.intercept | {"sd": priors.of_sd(self.scale)},
        )

    def alike(self) -> None:
        several = self.facts.nouns[1]
        self.add("alike", "Complete pooling", f"All {several} have the same mean.", "1", self.intercept)
        self.rungs.reverse()

    def _not_without_pooling(self) -> str | None:
        """Why there is no model without pooling; None if there is one."""
        n_units, most = self.facts.n_units, MOST_WITHOUT_POOLING.get(self.family.name, MOST_WITHOUT_POOLING_ELSE)
        if self.family.name == "cumulative":
            return "thresholds take the place of the intercept, so that means of units are known only up to a constant"
        if n_units > most:
            return f"{n_units} {self.facts.nouns[1]}, more than {most}, would have a parameter each"
        if self.facts.rows_of_units.median() < 2:
            return f"half of the {self.facts.nouns[1]} have one measurement only"
        return None

    def time(self) -> None:
        facts = self.facts
        self.add(
            "time",
            "Change over time",
            f"Adds time, whose effect is the same for every {facts.nouns[0]}.",
            f"1 + {quoted(facts.time)} + (1 | {self.unit})",
            self.intercept | self._of_time() | {"sd": priors.of_sd(self.scale)},
        )

    def _of_time(self) -> dict[str, str]:
        return {f"b[{self.facts.time}]": priors.of_coefficient(self.scale, self.facts.time_sd)}

    def condition(self) -> None:
        facts, n_conditions = self.facts, self.facts.rows_by_condition.shape[1]
        pooled = n_conditions > MOST_GROUPS
        self._levels("condition", facts.condition, n_conditions, pooled, f"pooled as the {facts.nouns[1]} are")
        if pooled:
            return
        if reason := self._not_varying():
            by = quoted(facts.condition)
            self.left_out.append(f"varying differences (1 + {by} | {self.unit}): {reason}")
        else:
            self._varying()

    def group(self) -> None:
        facts = self.facts
        pooled = facts.n_groups > MOST_GROUPS
        self._levels("group", facts.group, facts.n_groups, pooled, "pooled as a level above")

    def _levels(self, name: str, column: str, n_levels: int, pooled: bool, how: str) -> None:
        """Add a category, whose levels have a coefficient each or are pooled, to the model of time."""
        called, time, of_time = self.facts.in_sentence(column), *self._with_time()
        self.add(
            name,
            f"Differences by {called}",
            f"Adds the {n_levels} levels of {called}, {how if pooled else 'as the difference of each from the first'}.",
            f"1 + {time}{f'(1 | {quoted(column)})' if pooled else quoted(column)} + (1 | {self.unit})",
            self.intercept
            | of_time
            | ({} if pooled else {f"b[{column}]": priors.of_coefficient(self.scale)})
            | {"sd": priors.of_sd(self.scale)},
        )

    def _with_time(self) -> tuple[str, dict[str, str]]:
        """The beginning of a formula, and the priors, of a model that others are added to."""
        return (f"{quoted(self.facts.time)} + ", self._of_time()) if self.facts.time else ("", {})

    def _varying(self) -> None:
        facts, by = self.facts, quoted(self.facts.condition)
        time, of_time = self._with_time()
        self.add(
            "varying",
            "Varying differences",
            f"Adds that the {facts.nouns[1]} differ in what {facts.in_sentence(facts.condition)} changes; levels and "
            "differences may be correlated.",
            f"1 + {time}{by} + (1 + {by} | {self.unit})",
            self.intercept
            | of_time
            | {f"b[{facts.condition}]": priors.of_coefficient(self.scale)}
            | {"sd": priors.of_sd(self.scale), f"sd[{facts.condition}]": priors.of_sd(self.scale)}
            | {"cor": "LKJ(2)"},
        )

    def _not_varying(self) -> str | None:
        """Why differences between conditions do not vary over units; None if they do."""
        rows, (_, several) = self.facts.rows_by_condition, self.facts.nouns
        if rows.shape[1] > MOST_VARYING:
            return f"{rows.shape[1]} conditions, more than {MOST_VARYING}, would have too many correlations"
        least = LEAST_REPEATS.get(self.family.name, LEAST_REPEATS_ELSE)
        enough = int((rows >= least).all(axis=1).sum())
        if enough < max(LEAST_UNITS, self.facts.n_units / 2):
            return (
                f"{enough or 'none'} of {self.facts.n_units} {several} are measured {least} times or more in each "
                f"condition; half of them have to be, and at least {LEAST_UNITS}"
            )
        return None

    def slopes(self) -> None:
        facts, time = self.facts, quoted(self.facts.time)
        least = LEAST_TIMES.get(self.family.name, LEAST_TIMES_ELSE)
        enough = int((facts.times_of_units >= least).sum())
        if enough < max(LEAST_UNITS, facts.n_units / 2):
            self.left_out.append(
                f"varying slopes (1 + {time} | {self.unit}): {enough or 'none'} of {facts.n_units} {facts.nouns[1]} "
                f"are measured at {least} times or more; half of them have to be, and at least {LEAST_UNITS}"
            )
            return
        self.add(
            "slopes",
            "Varying slopes",
            f"Adds to the model of time that the {facts.nouns[1]} differ in how they change; levels and changes may be "
            "correlated.",
            f"1 + {time} + (1 + {time} | {self.unit})",
            self.intercept
            | self._of_time()
            | {"sd": priors.of_sd(self.scale), f"sd[{facts.time}]": priors.of_sd(self.scale, facts.time_sd)}
            | {"cor": "LKJ(2)"},
        )
