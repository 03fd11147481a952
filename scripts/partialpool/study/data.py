"""The section `data`: where the measurements come from, what their columns mean, and how the report calls them."""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError, WrapValidator, model_validator

from partialpool.data.encodings import ENCODINGS, canonical
from partialpool.data.expression import columns, columns_of_the_row, parse
from partialpool.errors import StudyError, suggest
from partialpool.study.base import PathOrUrl, Seed, Strict, UnitId

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".xlsx", ".sav", ".dta")
"""How the name of a data file may end; of any other file the content says what it is."""


class Simulate(Strict):
    """Known parameters of a growth model, from which the data are drawn instead of fetched."""

    seed: Seed
    """Seed of the simulated data."""
    units: int = Field(ge=2, le=1_000_000)
    """How many units."""
    waves: int = Field(ge=2, le=1000)
    """Largest number of measurements of one unit; each has between 1 and this many."""
    intercepts: dict[str, float] = Field(min_length=1)
    """Mean of the outcome at time 0 in each group: `{A: 0.2, B: 0.19}`."""
    slope: float
    """Mean change of the outcome per unit of time."""
    sd_intercept: float = Field(ge=0)
    """Standard deviation of the units' intercepts."""
    sd_slope: float = Field(ge=0)
    """Standard deviation of the units' slopes."""
    cor: float = Field(ge=-1, le=1)
    """Correlation of the units' intercepts and slopes."""
    sigma: float = Field(gt=0)
    """Residual standard deviation."""
    missing_time: int = Field(0, ge=0)
    """How many rows have no time."""


def _noun(value: Any, handler) -> Any:
    try:
        return handler(value)
    except ValidationError:
        raise ValueError(f"takes a noun and its plural, as in [herd, herds], not {value!r}.") from None


_Word = Annotated[str, Field(min_length=1)]
Noun = Annotated[tuple[_Word, _Word], WrapValidator(_noun)]


def in_sentence(label: str, column: str) -> str:
    """A label inside of a sentence: with a small first letter, unless the column itself begins as the label does."""
    return label[:1].lower() + label[1:] if label[1:2].islower() and not column.startswith(label[:2]) else label


def singular(unit: str) -> str:
    """One of a unit of measurement that may be in the plural: ``year`` of ``years``, ``degree Celsius`` of ``degrees
    Celsius``. Abbreviations stay as they are.
    """
    if " " in unit:
        return " ".join(map(singular, unit.split(" ")))
    if len(unit) < 4 or not unit.islower() or not unit.endswith("s") or unit.endswith(("ss", "us", "is")):
        return unit
    return unit[:-2] if unit.endswith(("ches", "shes", "xes", "sses")) else unit[:-1]


# Times of which a number says how many there were: a slope is per one of them.
COUNTED = {
    *("second", "minute", "hour", "day", "week", "month", "quarter", "year", "semester", "term", "grade"),
    *("block", "occasion", "period", "round", "session", "step", "trial", "visit", "wave"),
}


class Nouns(Strict):
    """What figures, captions, equations and the report call units and measurements; each singular and plural."""

    unit: Noun = ("unit", "units")
    """Those who are measured: `[herd, herds]`."""
    measurement: Noun = ("measurement", "measurements")
    """One row of the data: `[count, counts]`."""


def _kind(value: Any, handler) -> Any:
    try:
        kind = handler(value)
    except ValidationError:
        near = suggest(value, KINDS) if isinstance(value, str) else ""
        raise ValueError(
            f"takes number, category, or a list of levels in their order, as in [low, middle, high], not {value!r}."
            f"{near}"
        ) from None
    if twice := [level for level in kind if isinstance(kind, list) and kind.count(level) > 1]:
        raise ValueError(f"the level '{twice[0]}' stands twice.")
    return kind


KINDS = ("number", "category")
Kind = Annotated[Literal[KINDS] | Annotated[list[UnitId], Field(min_length=2)], WrapValidator(_kind)]
"""What the values of a column are: numbers, categories, or categories in an order, the first the reference level."""


def _expression(text: str) -> str:
    try:
        parse(text)
    except StudyError as error:
        raise ValueError(str(error)) from None
    return text


Expression = Annotated[str, AfterValidator(_expression)]
"""What a new column is computed from."""


def _encoding(value: Any, handler) -> Any:
    try:
        return handler(canonical(value) if isinstance(value, str) else value)
    except ValidationError:
        near = suggest(value, ENCODINGS) if isinstance(value, str) else ""
        raise ValueError(f"takes one of {', '.join(ENCODINGS)}, not {value!r}.{near}") from None


Encoding = Annotated[Literal[tuple(ENCODINGS)], WrapValidator(_encoding)]
"""Which bytes are which letters."""


def _rising(bounds: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
    if None not in bounds and bounds[0] >= bounds[1]:
        raise ValueError("takes two numbers, the smaller first, or null for none.")
    return bounds


Bounds = Annotated[tuple[float | None, float | None], AfterValidator(_rising)]
"""Smallest and largest possible value; None for none."""


class Data(Strict):
    """Where the measurements come from, and what their columns mean."""

    source: PathOrUrl | None = Field(None, min_length=1)
    """http(s) URL or path of a data file: .csv, .csv.gz, .tsv, .parquet, .xlsx, .sav or .dta; a path is relative to the
    working directory."""
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    """Checksum that the file must have; without it any file is taken, and the report says so."""
    encoding: Encoding | None = None
    """Of a text file that is not UTF-8: `cp1252` is that of Windows in western Europe, and so of German Excel's CSV."""
    simulate: Simulate | None = None
    """Instead of `source`: draw the data from known parameters."""
    outcome: str
    """Column of the measurements: numbers, two levels such as yes and no, or levels whose order `types` gives."""
    unit: str
    """Column that says whose measurement a row is; never missing."""
    time: str | None = None
    """Column of the time of measurement, numeric; may have missing values."""
    group: str | None = None
    """Column of a group of units; the same in all rows of a unit."""
    types: dict[str, Kind] = Field({})
    """What the values of columns are, if not what they look like: `number`, `category`, or the levels of a category in
    their order, the first the reference level: `{period: category, stage: [low, middle, high]}`."""
    derive: dict[str, Expression] = Field({})
    """New columns, each computed from columns of the file and those before it: `{within_dose: within(log(dose))}`."""
    nouns: Nouns = Nouns()
    """What the report calls units and measurements: `{unit: [herd, herds]}`."""
    labels: dict[str, str] = Field({})
    """What columns are called in figures and tables: `{ht: Height}`."""
    units_of_measurement: dict[str, str] = Field({})
    """What columns are measured in, as axes, tables and estimates say it: `{ht: cm, age: years}`."""
    bounds: Bounds | None = None
    """Smallest and largest value that the outcome can have, `null` for none: `[0, null]`. The report says how often the
    priors expect others."""

    @model_validator(mode="after")
    def source_or_simulate(self):
        """Refuse data from two places or none, and a column with two roles."""
        if (self.source is None) == (self.simulate is None):
            raise ValueError("give either 'source' (a URL or a path) or 'simulate' (parameters), not both or none.")
        if self.source and urlsplit(self.source).scheme not in ("", "http", "https"):
            raise ValueError(f"'source' takes an http(s) URL or a path, not '{self.source}'.")
        if self.encoding and self.simulate:
            raise ValueError("'encoding' is of a file; simulated data have none.")
        columns = [column for column in self.roles.values() if column is not None]
        if twice := [column for column in columns if columns.count(column) > 1]:
            roles = [role for role, column in self.roles.items() if column == twice[0]]
            raise ValueError(f"column '{twice[0]}' has two roles: {' and '.join(roles)}.")
        self._check_types()
        self._check_derived()
        if self.simulate and (self.time is None or self.group is None):
            raise ValueError("'simulate' needs the names of the columns 'time' and 'group'.")
        if self.simulate and self.simulate.missing_time >= self.simulate.units:
            raise ValueError("'simulate.missing_time' must be smaller than the number of units.")
        return self

    def _check_types(self):
        """Refuse types that a role does not have."""
        if self.unit in self.types:
            raise ValueError(f"'types': column '{self.unit}' is the unit: its values are ids.")
        if self.types.get(self.time, "number") != "number":
            raise ValueError(f"'types': column '{self.time}' is the time, which is a number.")
        if self.group and self.types.get(self.group) == "number":
            raise ValueError(f"'types': column '{self.group}' is the group, which is a category.")

    def _check_derived(self):
        """Refuse new columns under a name that has another meaning, and those made from later ones."""
        for role in ("unit", "group"):
            if getattr(self, role) in self.derive:
                raise ValueError(f"'derive': '{getattr(self, role)}' is the {role}; it must be a column of the file.")
        for name in self.derive:
            if not name or name == "row":
                raise ValueError(f"'derive': '{name}' cannot be the name of a column; choose another.")
            if name in self.types:
                raise ValueError(f"'types': column '{name}' is derived, and a number.")
        names = list(self.derive)
        for number, (name, text) in enumerate(self.derive.items()):
            if late := [column for column in columns(parse(text)) if column in names[number:]]:
                raise ValueError(f"'derive': '{name}' is made from '{late[0]}', which must stand before it.")

    @property
    def roles(self) -> dict[str, str | None]:
        """The column of each role; None where the data have none."""
        return {"unit": self.unit, "group": self.group, "time": self.time, "outcome": self.outcome}

    @property
    def raw(self) -> str:
        """Path of the data file as it was fetched, whose name ends as that of the source."""
        name = PurePosixPath(urlsplit(self.source or "").path).name.lower()
        endings = sorted((suffix for suffix in SUFFIXES if name.endswith(suffix)), key=len)
        return f"results/data/raw{endings[-1] if endings else '.csv'}"

    def moved_with(self, column: str, others: Iterable[str]) -> list[str]:
        """Those of other columns that have another value in a row as soon as a column has: its square, its logarithm.

        These are computed from it by ``derive``, or both of them are computed from one column and nothing else.
        """
        behind = {name: self._behind(name) for name in (column, *others)}

        def moves(other: str) -> bool:
            of_the_file = [behind[name] - set(self.derive) for name in (column, other)]
            return column in behind[other] or (of_the_file[0] == of_the_file[1] and len(of_the_file[0]) == 1)

        return [other for other in others if other != column and moves(other)]

    def _behind(self, column: str) -> set[str]:
        """A column, and all from whose values in a row its value there is computed."""
        if column not in self.derive:
            return {column}
        return {column}.union(*map(self._behind, columns_of_the_row(parse(self.derive[column]))))

    def label(self, column: str) -> str:
        """What a column is called in figures and tables."""
        return self.labels.get(column, column)

    def measured_label(self, column: str) -> str:
        """What a column is called where its values are: its label, and what it is measured in."""
        unit = self.told_unit(column)
        return f"{self.label(column)} ({unit})" if unit else self.label(column)

    @property
    def measured_labels(self) -> dict[str, str]:
        """``measured_label`` of the columns that the config says something of."""
        return {column: self.measured_label(column) for column in {**self.labels, **self.units_of_measurement}}

    def told_unit(self, column: str) -> str:
        """What a column is measured in, if its label does not say so, as ``Year`` and ``Years since birth`` do."""
        unit, label = self.units_of_measurement.get(column, ""), self.label(column).casefold()
        begins = unit.casefold().startswith(label) or f"{label} ".startswith(f"{unit.casefold()} ")
        return "" if begins or label.endswith(unit.casefold()) else unit

    @property
    def axis_labels(self) -> dict[str, str]:
        """What figures say: labels by role, of the columns that the data have, and ``unit_noun``, ``measurement_noun``.

        Where there is a time, ``intercept`` is the outcome at time 0 and ``slope`` its change. A unit's column without
        a label is called by the noun.
        """
        labels = {role: self.measured_label(column) for role, column in self.roles.items() if column is not None}
        unit, measurement = self.nouns.unit[0], self.nouns.measurement[0]
        labels["unit"] = self.labels.get(self.unit, unit[:1].upper() + unit[1:])
        if self.time is not None:
            time = in_sentence(self.label(self.time), self.time)
            by = singular(self.units_of_measurement.get(self.time, time))
            if self.time not in self.units_of_measurement and by.casefold() not in COUNTED:
                by = f"unit of {time}"
            of = self.units_of_measurement.get(self.outcome)
            at_zero = f"where {time} is 0" if " " in time else f"at {time} 0"
            labels["intercept"] = f"{labels['outcome']} {at_zero}"
            labels["slope"] = f"Change ({of} per {by})" if of else f"Change per {by}"
        return labels | {"unit_noun": unit, "measurement_noun": measurement}
