"""A new study: its folder, from a data file and the roles of its columns."""

import os
import shutil
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from partialpool.data.fetch import basename, fetch
from partialpool.data.prepare import measured_once, prepare
from partialpool.data.read import read
from partialpool.data.table import Table, listing
from partialpool.errors import StudyError
from partialpool.jobs.files import atomic, checksum, write_text
from partialpool.start import columns, family, ladder, priors, questions, roles, write
from partialpool.start.facts import Facts
from partialpool.start.words import nouns

PROJECT = Path(__file__).resolve().parents[3]
CONFIG = "config/config.yaml"
_NOT_DATA = ("config", "results", "resources", "reference")
# Families of which the spread of the measurements of a unit is a parameter.
_WITH_SPREAD = ("gaussian", "gamma", "beta")
# Columns without a role that the terminal shows; the config has more.
_MOST_NAMED = 8


@dataclass(frozen=True)
class Source:
    """A data file that can be read.

    Attributes
    ----------
    given
        The path or URL.
    path
        Where it can be read.
    table
        Its content as text.
    encoding
        Of a text file that is not UTF-8; else None.
    """

    given: str
    path: Path
    table: Table
    encoding: str | None = None

    @property
    def is_url(self) -> bool:
        """Whether it comes from the web."""
        return "://" in self.given

    @property
    def name(self) -> str:
        """Name of the file."""
        return basename(self.given) if self.is_url else self.path.name


def opened(given: str, folder: str | Path, encoding: str | None = None) -> Source:
    """Read a data file.

    Parameters
    ----------
    given
        Path or URL.
    folder
        Where a file from the web is put.
    encoding
        Of a text file that is not UTF-8.
    """
    path = Path(given)
    if "://" in given:
        path = Path(folder, basename(given))
        fetch(given, path)
    elif not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise StudyError(f"The data file '{given}' {what}. A relative path starts at\n  {Path.cwd()}")
    return Source(given, path, read(path, encoding), encoding)


def refuse_existing(folder: str | Path, source: Source | None = None) -> None:
    """Refuse a folder in which something would be overwritten."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise StudyError(f"'{folder}' is a file; name a folder for the study.")
    if (folder / CONFIG).exists():
        raise StudyError(f"{folder / CONFIG} is there already, and nothing is overwritten. Name another folder.")
    if source is None:
        return
    if source.name in _NOT_DATA:
        raise StudyError(f"A study has a folder '{source.name}' of its own; rename the data file.")
    kept = _kept(folder, source)
    if kept.exists() and not kept.samefile(source.path) and checksum(kept) != checksum(source.path):
        raise StudyError(f"{kept} is there already and is another file; nothing is overwritten. Name another folder.")


def _kept(folder: Path, source: Source) -> Path:
    """Where the study has its data: a file brought by hand beside config, or one from the web in `resources`."""
    return folder / "resources" / source.name if source.is_url else folder / source.name


def new_study(
    folder: str | Path, source: Source, wanted: roles.Roles, levels: list[str], trials: str | None = None
) -> str:
    """Make the folder of a study that runs as it is.

    Parameters
    ----------
    folder
        The new folder.
    source
        The data; a local file is copied into the folder, of a URL its copy is kept in `resources`.
    wanted
        The roles of its columns.
    levels
        The outcome's levels in their order, where the file does not tell them; else empty.
    trials
        Column with the number of trials of which the outcome counts the successes, if it does.

    Returns
    -------
    str
        What was found out, proposed and left out, for a terminal.

    Raises
    ------
    StudyError
        Something would be overwritten, or the data do not fit the roles.
    """
    folder = Path(folder)
    refuse_existing(folder, source)
    if trials:
        roles.check_trials(source.table, wanted, trials, source.given)
    settled = roles.settle(source.table, wanted, levels, source.given)
    facts = replace(_facts(source, settled, wanted), trials=trials)
    if once := measured_once(facts.frame, settled.roles.unit, settled.roles.outcome):
        names = source.table.frame.columns.drop("row").tolist()
        raise StudyError(f"{source.path}, {once}{columns.in_wide_form(settled.roles.outcome, names)}")
    _refuse_categories(facts)
    time = None if facts.time is None else facts.frame[facts.time]
    if trials:
        _refuse_trials(facts)
        proposed = family.of_trials(trials)
    else:
        proposed = family.propose(facts.frame[facts.outcome], facts.frame[facts.unit], time)
    _refuse_constant(facts, proposed)
    if proposed.of_logarithm:
        roles.take_logarithm(settled)
        facts = _facts(source, settled, wanted)
    scale = priors.scale(proposed, facts.measured[facts.outcome], facts.measured[trials] if trials else None)
    models = ladder.build(facts, proposed, scale)
    schema = PROJECT / write.SCHEMA if folder.resolve().is_relative_to(PROJECT) else None
    named = [trials, *(column for _, column in wanted.items())]
    others = [c for c in columns.look(source.table) if c.name not in named and c.kind != "nothing"]
    text = write.text(
        facts,
        settled,
        proposed,
        scale,
        models,
        source=source.given if source.is_url else source.name,
        encoding=source.encoding,
        sha256=checksum(source.path),
        others=others,
        schema=schema and os.path.relpath(schema, (folder / CONFIG).parent.resolve()),
    )
    write.check(text)
    _put(folder, source, text)
    asked = questions.of(
        facts, settled, proposed, source.table, others, outcome=wanted.outcome, has_levels=bool(levels)
    )
    return _told(folder, source, facts, proposed, models, others, asked)


def _facts(source: Source, settled: roles.Settled, wanted: roles.Roles) -> Facts:
    described = {"types": settled.types, "derived": settled.derive, "encoding": source.encoding}
    frame = prepare(source.path, **settled.roles.of_config, **described)
    return Facts(frame, **vars(settled.roles), nouns=nouns(wanted.unit), labels=settled.labels)


def _refuse_constant(facts: Facts, proposed: family.Family) -> None:
    """Refuse an outcome that says nothing of the spread within units, in families that have one."""
    of_units = facts.frame.dropna(subset=[facts.outcome]).groupby(facts.unit)[facts.outcome]
    if proposed.name in _WITH_SPREAD and of_units.nunique().max() < 2:
        raise StudyError(
            f"--outcome: '{facts.outcome}' is the same in all rows of each {facts.nouns[0]}, so that it has no spread "
            "within them, as repeated measurements have. Is it the column that was meant?"
        )


def _refuse_categories(facts: Facts) -> None:
    if facts.group and facts.n_groups < 2:
        raise StudyError(f"--group: column '{facts.group}' has one value only; leave --group out.")
    if facts.group and facts.n_groups == facts.n_units:
        raise StudyError(
            f"--group: every {facts.nouns[0]} has a value of '{facts.group}' of its own, so it groups nothing; leave "
            "--group out."
        )
    if facts.condition and facts.rows_by_condition.shape[1] < 2:
        raise StudyError(
            f"--condition: where '{facts.outcome}' was measured, column '{facts.condition}' has one value only; leave "
            "--condition out."
        )


def _refuse_trials(facts: Facts) -> None:
    """Refuse numbers that cannot be those of trials of which the outcome counts the successes."""
    trials, outcome = facts.trials, facts.outcome
    rows = facts.measured[["row", trials, outcome]]
    if not all(pd.api.types.is_numeric_dtype(rows[column]) for column in (trials, outcome)):
        raise StudyError(f"--trials: '{outcome}' and '{trials}' have to be numbers.")
    possible = (rows[[trials, outcome]] % 1 == 0).all(axis=1) & rows[outcome].between(0, rows[trials])
    if not possible.all():
        row, n, successes = rows[~possible].iloc[0]
        raise StudyError(
            f"--trials: successes are whole numbers from 0 to that of trials, and {(~possible).sum()} of {len(rows)} "
            f"rows have others (line {row + 2:g}: {outcome} {successes:g}, {trials} {n:g})."
        )
    if rows[outcome].sum() in (0, rows[trials].sum()):
        raise StudyError(f"--trials: all trials of '{trials}' have the same result.")


def _put(folder: Path, source: Source, text: str) -> None:
    """Write the folder: the config last, since with it the study is there."""
    kept = _kept(folder, source)
    if not kept.exists():
        with atomic(kept) as temporary:
            shutil.copyfile(source.path, temporary)
    write_text(text, folder / CONFIG)


def _told(
    folder: Path,
    source: Source,
    facts: Facts,
    proposed: family.Family,
    models: ladder.Ladder,
    others: list[columns.Column],
    asked: dict[str, str],
) -> str:
    one, several = facts.nouns
    rows = facts.rows_of_units
    each = f"{rows.min()}" if rows.min() == rows.max() else f"{rows.min()} to {rows.max()}"
    lines = {
        "data": f"{len(facts.measured)} measurements of {len(rows)} {several}, {each} of each {one}; "
        + "; ".join(facts.frame.attrs["notes"]),
        "family": f"{proposed.told}, since the outcome {proposed.why}",
        "others": proposed.others,
        "models": ", ".join(models.names),
        "left out": "; ".join(models.left_out),
        "not used": listing([column.name for column in others], _MOST_NAMED),
        **asked,
        "doubts": " ".join(facts.frame.attrs["doubts"]),
    }
    shown = [
        textwrap.fill(told, 110, initial_indent=f"  {name:<10}", subsequent_indent=" " * 12)
        for name, told in lines.items()
        if told
    ]
    quoted = f"'{folder}'" if " " in str(folder) else folder
    return "\n".join(
        [
            f"{folder / CONFIG} is written, and {_kept(folder, source)} has the data.",
            "",
            *shown,
            "",
            "Look at the config, and then run",
            f"  uv run snakemake --cores 4 --directory {quoted}",
            f"The report will be {folder / 'results/report/report.html'}.",
        ]
    )
