"""What all classes of the configuration share: they refuse unknown keys, and old ones by their new names."""

import json
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WrapValidator,
    model_validator,
)

from partialpool.errors import suggest

RENAMED = {
    "person": "unit",
    "people": "units",
    "new_people": "new_units",
    "person_effects": "group_effects",
}
"""Keys of earlier releases and what they are called now."""
OF_BRMS = {
    "iter": "'draws', those kept of each chain",
    "adapt_delta": "'target_accept'",
    "control": "'target_accept'",
    "cores": "--cores on the command line of snakemake",
    "prior": "'priors'",
}
"""Arguments of brm(), and what is written here."""


def unknown(word: str, choices: Iterable[str], what: str, where: str = "") -> str | None:
    """Why ``word`` is no valid choice, with the valid ones; None if it is one."""
    choices = list(choices)
    if word in choices:
        return None
    return f"there is no {what} '{word}'{where}.{suggest(word, choices)} Valid: {', '.join(choices) or 'none'}."


class Strict(BaseModel):
    """Refuses keys that it does not know, and says which it knows."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def refuse_unknown_keys(cls, values: Any, handler) -> Any:
        """Check the known keys even if there are unknown ones, so that all mistakes are reported at once."""
        if not isinstance(values, dict):
            return handler(values)
        known = {key: value for key, value in values.items() if key in cls.model_fields}
        mistakes = []
        for key in values:
            if key in known:
                continue
            mistakes.append(_mistake(cls._why_unknown(key)))
            if RENAMED.get(key) in cls.model_fields:
                # Checked under its new name, so that the new name is not reported as missing.
                known.setdefault(RENAMED[key], values[key])
        flags = [key for key, value in known.items() if cls._is_flag_for_number(key, value)]
        mistakes += [_mistake(f"takes numbers, not {json.dumps(known[key])}.", key) for key in flags]
        try:
            valid = handler(known)
        except ValidationError as error:
            mistakes += [mistake for mistake in error.errors() if not set(mistake["loc"][:1]) & set(flags)]
        if mistakes:
            raise ValidationError.from_exception_data(cls.__name__, mistakes)
        return valid

    @classmethod
    def _is_flag_for_number(cls, key: str, value: Any) -> bool:
        """Whether it is `yes`, or has it, where numbers are meant: pydantic would take it for 1."""
        types = _types(cls.model_fields[key].annotation)
        of_numbers = bool(types & {int, float}) and not types & {bool, str}
        return of_numbers and any(isinstance(member, bool) for member in _members(value))

    @classmethod
    def _why_unknown(cls, key: str) -> str:
        if RENAMED.get(key) in cls.model_fields:
            return f"the key '{key}' is called '{RENAMED[key]}' now."
        advice = f" Write {OF_BRMS[key]}." if key in OF_BRMS else suggest(key, cls.model_fields)
        return f"unknown key '{key}'.{advice} Valid keys: {', '.join(cls.model_fields)}."


def _types(annotation: Any) -> set[Any]:
    """The types that an annotation names, of a mapping those of its values."""
    parts = get_args(annotation)[1 if get_origin(annotation) is dict else 0 :]
    return {annotation} if not parts else {one for part in parts for one in _types(part)}


def _members(value: Any) -> list[Any]:
    """All values in lists and mappings, however deep; of any other value itself."""
    parts = value.values() if isinstance(value, dict) else value
    return [one for part in parts for one in _members(part)] if isinstance(value, dict | list) else [value]


def _mistake(message: str, *key: str) -> dict[str, Any]:
    """A mistake about a key, or about the class itself, in pydantic's form."""
    return {"type": "value_error", "loc": key, "input": None, "ctx": {"error": ValueError(message)}}


def _as_text(value: Any) -> Any:
    """Ids may be written as whole numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _units(value: Any, handler) -> Any:
    try:
        if isinstance(value, bool):
            raise TypeError
        units = handler(value)
    except (TypeError, ValidationError):
        raise ValueError(f"takes 'all', a number of units, or a list of ids, not {value!r}.") from None
    if isinstance(units, list) and len(set(units)) < len(units):
        raise ValueError("a unit stands twice in 'units'.")
    return units


def _of_files(name: Any) -> Any:
    if isinstance(name, str) and not re.fullmatch(_NAME, name):
        mended = re.sub(r"[\s/\\]+", "-", name)
        advice = f" Write {mended}." if re.fullmatch(_NAME, mended) else ""
        raise ValueError(
            "a name becomes the name of files: unaccented letters, digits, '.', '-' and '_', the first a letter or "
            f"digit, and not '{name}'.{advice}"
        )
    return name


def _name(name: str) -> str:
    if re.search(r"(.+)\1{9}", name):
        # Snakemake takes it for a rule that feeds on itself.
        raise ValueError(f"the name '{name}' repeats itself; choose another.")
    return name


def _has_no_braces(path: str) -> str:
    """Refuse what Snakemake would take for a wildcard in the name of a file."""
    if re.search(r"[{}]", path):
        raise ValueError(
            f"'{path}' has braces, which Snakemake takes for wildcards. Rename it (in a URL write %7B and %7D)."
        )
    return path


PathOrUrl = Annotated[str, AfterValidator(_has_no_braces)]
"""Where a file is, in a way that Snakemake can pass on."""
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
Name = Annotated[str, Field(pattern=_NAME, max_length=100), BeforeValidator(_of_files), AfterValidator(_name)]
"""A name that becomes a file name: letters, digits, dot, dash and underscore."""
Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""A seed of random numbers, as every generator takes it."""
UnitId = Annotated[str, BeforeValidator(_as_text)]
"""Id of a unit, as it stands in the data."""
Units = Annotated[
    Literal["all"] | Annotated[int, Field(ge=1)] | Annotated[list[UnitId], Field(min_length=1)], WrapValidator(_units)
]
"""Which units: all, a number of them, or their ids."""
