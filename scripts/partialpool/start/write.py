"""The config file of a new study: values and the comments that say why they are there, as text that is checked."""

import io
import re
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from partialpool.start import priors
from partialpool.start.columns import Column, quoted
from partialpool.start.facts import Facts
from partialpool.start.family import Family
from partialpool.start.ladder import MOST_GROUPS, Ladder
from partialpool.start.priors import Scale
from partialpool.start.roles import Settled
from partialpool.start.sections import comparisons, figures, predictions
from partialpool.start.words import of_ids
from partialpool.study import config, syntax

_WIDTH = 110
# ASSUME: draws of the marginal engine are independent; those of NUTS are worth less, of scales near zero a fifth.
_DRAWS = {"gaussian": 1000}
_WHOLE = r"0|[1-9][0-9]{0,17}"
SCHEMA = "workflow/schemas/config.schema.yaml"


def text(
    facts: Facts,
    settled: Settled,
    family: Family,
    scale: Scale,
    ladder: Ladder,
    *,
    source: str,
    encoding: str | None = None,
    sha256: str,
    others: list[Column],
    schema: str | None,
) -> str:
    """The config file.

    Parameters
    ----------
    facts, settled, family, scale, ladder
        What was found out about the data, and what is proposed.
    source, encoding, sha256
        Where the study finds the data, which encoding was asked for, and their checksum.
    others
        Columns of the file without a role.
    schema
        Path of the schema of configurations for editors, relative to the folder of the config; None without it.
    """
    from ruamel.yaml.comments import CommentedMap

    top = CommentedMap()
    # The label of two levels has the one that counts as success behind it.
    outcome, _, _ = facts.label(facts.outcome).partition(" = ")
    top["title"] = f"{outcome} by {facts.nouns[0]}"
    if family.of_logarithm:
        top["text"] = (
            f"The outcome of all models is {outcome}, a natural logarithm: exp() of a difference says by which factor "
            "the measurements differ, and exp() of a mean is their median."
        )
    top["data"] = _data(facts, settled, source, encoding, sha256)
    top["sampling"] = _flow({"chains": 4, "draws": _DRAWS.get(family.name, 2000), "seed": 1})
    top["models"] = _models(family, ladder)
    for name, section in {
        "comparisons": comparisons(facts, ladder),
        "predictions": predictions(facts, family, ladder),
        "figures": figures(facts, family, ladder),
    }.items():
        if section:
            top[name] = _block(section)
    _note_units(top, facts)
    _comment(top, _comments(facts, family, scale, ladder, others), indent=0)
    start = [f"yaml-language-server: $schema={schema}"] if schema else []
    start.append(
        "Written by scripts/new_study.py, to be changed as you like. Every key is described in config/README.md."
    )
    top.yaml_set_start_comment("\n".join(start))
    return _dumped(top)


def _data(facts: Facts, settled: Settled, source: str, encoding: str | None, sha256: str):
    of_file = {"source": source} | ({"encoding": encoding} if encoding else {}) | {"sha256": sha256}
    data = _block(of_file | {role: column for role, column in settled.roles.of_config.items() if column})
    data["nouns"] = _flow({"unit": list(facts.nouns)})
    data["labels"] = _flow({column: facts.label(column) for role, column in settled.roles.items() if role != "unit"})
    if settled.units_of_measurement:
        data["units_of_measurement"] = _flow(settled.units_of_measurement)
    for key in ("types", "derive"):
        if values := getattr(settled, key):
            data[key] = _block(values)
            notes = {name: settled.reasons[f"{key}.{name}"] for name in values if f"{key}.{name}" in settled.reasons}
            _comment(data[key], notes, indent=4)
    notes = {
        "sha256": "Pinned, so that a changed file is an error and never a changed result.",
        "nouns": "How the report calls one of the units, and several: guessed from the name of the column.",
        "labels": "How figures and tables call columns; units_of_measurement says what they are measured in.",
    }
    if facts.nouns == ("unit", "units"):
        notes["nouns"] = (
            f"How the report calls one of the units, and several; '{facts.unit}' does not tell. As in [herd, herds]."
        )
    if missing := int(facts.frame[facts.outcome].isna().sum()):
        notes["outcome"] = f"{missing} of {len(facts.frame)} rows have no value; models leave them out."
    if _has_numeric_ids(facts):
        notes["unit"] = "Its numbers are taken as names."
    if missing := facts.rows_without(facts.time):
        notes["time"] = (
            f"{missing} measurements have none. All models leave them out, so that they can be compared (rows: common)."
        )
    _comment(data, notes, indent=2)
    return data


def _has_numeric_ids(facts: Facts) -> bool:
    """Whether the ids of units are whole numbers."""
    return facts.frame[facts.unit].dtype.kind == "i"


def _models(family: Family, ladder: Ladder):
    models = _block({})
    for rung in ladder.rungs:
        entry = {"title": rung.title, "text": rung.text, "formula": rung.formula}
        if family.name != "gaussian":
            entry |= {"family": family.name} | ({"link": family.link} if family.link else {})
        models[rung.name] = _block(entry | {"priors": rung.priors})
    return models


def _comments(facts: Facts, family: Family, scale: Scale, ladder: Ladder, others: list[Column]) -> dict[str, list[str]]:
    """Comments before the keys of the top level, a paragraph an entry."""
    models = [
        f"Family: {family.told}, since the outcome {family.why}. Others: {family.others}.",
        "Priors: weakly informative, scaled by the data, rounded to two figures. Change them where you know more.",
        *(f"  {line}" for line in priors.told(scale, ladder.classes)),
        *(f"Left out: {reason}." for reason in ladder.left_out),
    ]
    asks = [] if family.of_logarithm else ["text: What the study asks, in Markdown; the report begins with it."]
    if others:
        names = ", ".join(quoted(column.name) for column in others[:30])
        predictor, grouping = _examples(facts, others)
        models.append(
            f"Other columns, which can be added to formulas, as + {predictor}, or as + (1 | {grouping}) where the "
            f"values are names of some of many, as those of {facts.unit} are: {names}."
        )
    return {
        "text": ["What the study asks may stand here too, in Markdown; the report begins with it."],
        "data": [*asks, *_codes(facts, others)],
        "sampling": ["Draws kept are chains x draws. The same seed gives the same draws."],
        "models": models,
        "comparisons": ["Models compared by leave-one-out cross-validation."],
        "figures": ["Figures besides those that every model and comparison has."],
        "predictions": ["Values for units that were observed, and for one that was not."],
    }


def _examples(facts: Facts, others: list[Column]) -> tuple[str, str]:
    """A column that may be a predictor and one that may be a grouping factor; ``column`` if none looks like it."""
    names = [column.name for column in others if column.repeated and _has_names(column)]
    grouping = [*parts_among(facts, others), *names]
    # Whole numbers and texts of which each is another one are as names of rows are.
    tell = [c.name for c in others if (c.repeated or c.kind == "numbers") and c.name not in grouping]
    return quoted([*tell, others[0].name][0]), quoted([*grouping, "column"][0])


def _has_names(column: Column) -> bool:
    return column.distinct > MOST_GROUPS and (column.kind == "text" or of_ids(column.name))


def parts_among(facts: Facts, others: list[Column]) -> list[str]:
    """Columns without a role that may have names of parts of units."""
    names = [column.name for column in others if column.kind in ("text", "whole numbers") and column.repeated]
    return [name for name in names if facts.names_parts(name)]


def _codes(facts: Facts, others: list[Column]) -> list[str]:
    codes = codes_among(facts, others)
    if not codes:
        return []
    shown = "; ".join(f"{column} ({', '.join(map(str, values))})" for column, values in codes.items())
    first = next(iter(codes))
    return [
        f"These columns have few whole numbers, which may be codes: {shown}. If a formula uses one whose numbers are "
        f"names, write  types: {{{first}: category}}  under data."
    ]


def codes_among(facts: Facts, others: list[Column]) -> dict[str, list[int]]:
    """Columns without a role whose numbers may be codes, and these."""
    names = {column.name for column in others}
    return {column: values for column, values in facts.frame.attrs["codes"].items() if column in names}


def _note_units(top, facts: Facts) -> None:
    """Say behind the ids of some units why they were chosen."""
    notable = facts.notable_units()
    note = "; ".join(f"{unit}: {why}" for unit, why in notable.items())
    _comment(top["predictions"], {"some": note}, indent=2)


def _block(values: Mapping[str, Any]):
    """A mapping in ruamel's form, a line an entry; lists in it, and mappings of lists, in brackets."""
    from ruamel.yaml.comments import CommentedMap

    block = CommentedMap()
    for key, value in values.items():
        if isinstance(value, Mapping):
            block[_scalar(key)] = _block(value)
        else:
            block[_scalar(key)] = _flow(value) if isinstance(value, list) else _scalar(value)
    return block


def _flow(value: Any):
    """Mappings and lists in braces and brackets."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if isinstance(value, Mapping):
        made = CommentedMap({_flow(key): _flow(inner) for key, inner in value.items()})
    elif isinstance(value, list):
        # Ids and levels that are whole numbers may stand as such.
        made = CommentedSeq([int(v) if re.fullmatch(_WHOLE, str(v)) else _flow(v) for v in value])
    else:
        return _scalar(value, inside="{{{}: 0}}")
    made.fa.set_flow_style()
    return made


def _scalar(value: Any, inside: str = "{}: 0") -> Any:
    """Text as Snakemake's YAML 1.1 reads it again: in quotes if that takes it for something else, such as no or 1_0."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if not isinstance(value, str):
        return value
    try:
        same = yaml.safe_load(inside.format(value)) == {value: 0}
    except yaml.YAMLError:
        same = False
    return value if same else DoubleQuotedScalarString(value)


def _comment(block, comments: Mapping[str, str | list[str]], indent: int) -> None:
    """Put comments before keys of a mapping."""
    for key, told in comments.items():
        if key in block:
            paragraphs = [told] if isinstance(told, str) else told
            # Where there are several, one can see where each begins.
            hanging = "  " if len(paragraphs) > 1 else ""
            lines = [line for text in paragraphs for line in textwrap.wrap(text, _WIDTH, subsequent_indent=hanging)]
            start = [""] if not indent else []
            block.yaml_set_comment_before_after_key(key, before="\n".join([*start, *lines]), indent=indent)


def _dumped(top) -> str:
    from ruamel.yaml import YAML

    writer = YAML()
    writer.width = 120
    writer.allow_unicode = True
    file = io.StringIO()
    writer.dump(top, file)
    return file.getvalue()


def check(written: str) -> None:
    """Read a config as a run does. What is wrong with it is a defect of this room and no mistake of the user's."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        path.write_text(written, encoding="utf-8")
        syntax.check(path)
        config.load(yaml.safe_load(written), [path])
