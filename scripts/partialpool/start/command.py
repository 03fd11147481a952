"""The command line of a new study."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from partialpool.data.encodings import ENCODINGS, canonical
from partialpool.errors import StudyError, full_disk, is_full_disk
from partialpool.start import ask
from partialpool.start.roles import Roles
from partialpool.start.study import new_study, opened, refuse_existing

_DESCRIPTION = """\
Start a study: look at a data file, and write a folder with a commented config that runs as it is.

The config has a ladder of models (no pooling, partial pooling, time, condition, group, varying slopes, as far
as the data carry them), a family for the outcome, priors scaled by the data, comparisons, predictions and
figures. Nothing is overwritten. Without arguments, on a terminal, the command asks.
"""
_EXAMPLES = """\
examples:
  uv run python scripts/new_study.py reading reading.csv --outcome score --unit child --time month --group school
  uv run python scripts/new_study.py herds https://example.org/herds.xlsx --outcome ill --unit herd
  uv run python scripts/new_study.py recall words.csv --outcome recalled --unit patient --condition list
  uv run python scripts/new_study.py
"""


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    made = argparse.ArgumentParser(
        prog="new_study.py",
        usage="new_study.py [FOLDER DATA --outcome COLUMN --unit COLUMN [--time COLUMN] [--group COLUMN] [...]]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("folder", metavar="FOLDER", nargs="?", help="new folder of the study")
    made.add_argument(
        "data",
        metavar="DATA",
        nargs="?",
        help="data file, or URL of one: .csv, .tsv, .parquet, .xlsx, .sav, .dta; a local file is copied",
    )
    made.add_argument(
        "--encoding",
        metavar="NAME",
        type=canonical,
        choices=ENCODINGS,
        help="of a text file that is not UTF-8: cp1252 for German Excel's plain CSV",
    )
    made.add_argument("--outcome", metavar="COLUMN", help="what was measured")
    made.add_argument(
        "--levels",
        metavar="A,B,C",
        type=lambda text: [level.strip() for level in text.split(",")],
        default=[],
        help="levels of the outcome from the lowest to the highest, where the file does not tell their order",
    )
    made.add_argument(
        "--trials", metavar="COLUMN", help="number of trials, where the outcome counts the successes in them"
    )
    made.add_argument("--unit", metavar="COLUMN", help="whose measurements they are: a child, a herd, a plot")
    made.add_argument("--time", metavar="COLUMN", help="when it was measured: numbers, or dates such as 2024-03-31")
    made.add_argument("--group", metavar="COLUMN", help="group of each unit, the same in all of its rows")
    made.add_argument("--condition", metavar="COLUMN", help="what changes within units: a treatment, an item, a rater")
    return made


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit status."""
    made = parser()
    given = made.parse_args(arguments)
    missing = [
        name
        for name, value in {
            "FOLDER": given.folder,
            "DATA": given.data,
            "--outcome": given.outcome,
            "--unit": given.unit,
        }.items()
        if value is None
    ]
    if missing and not sys.stdin.isatty():
        made.error(f"missing: {', '.join(missing)}; on a terminal they would be asked for")
    try:
        print(_run(given, ask_for=bool(missing)))
    except (StudyError, OSError) as error:
        print(f"\n{_told(error, given)}\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; nothing is written.", file=sys.stderr)
        return 130
    return 0


def _told(error: StudyError | OSError, given: argparse.Namespace) -> str:
    """What to say of an error: of the system's errors are here those that the user can mend."""
    if isinstance(error, StudyError):
        return str(error)
    if is_full_disk(error):
        return full_disk(error.filename or "the study")
    if error.filename is not None and given.data is not None and Path(error.filename) == Path(given.data):
        return f"The data file '{given.data}' cannot be read: {error.strerror}. Give yourself the right to (chmod u+r)."
    if error.filename is None:
        return str(error)
    # Not the file itself: it may be a temporary one.
    return (
        f"Nothing can be written in '{Path(error.filename).absolute().parent}': {error.strerror}.\n"
        "Name a folder where you may write, such as one in your home folder."
    )


def _run(given: argparse.Namespace, *, ask_for: bool) -> str:
    """Make the study, after questions for what is missing."""
    if given.folder is not None:
        refuse_existing(given.folder)
    with tempfile.TemporaryDirectory() as fetched:
        source = (
            ask.source(fetched, given.encoding) if given.data is None else opened(given.data, fetched, given.encoding)
        )
        named = {role: getattr(given, role) for role in ("outcome", "unit", "time", "group", "condition")}
        roles = ask.roles(source, named) if ask_for else Roles(**named)
        levels = given.levels or (ask.levels(source, roles.outcome) if ask_for else [])
        folder = ask.folder(source) if given.folder is None else given.folder
        return new_study(folder, source, roles, levels, given.trials)
