"""Printed tables of a study, that its results are held against."""

import re
from pathlib import Path

import pandas as pd

from partialpool.data.types import NUMBER
from partialpool.errors import StudyError

# Columns that say what is printed; the others have numbers.
NAMES = ("model", "parameter", "variable", "quantity", "id")
FILES = {
    "sizes": ("model", "observations", "units", "chains", "draws_per_chain", "warmup"),
    "precis": ("variable", "mean", "sd", "q5.5", "q94.5"),
    "posterior": ("model", "parameter", "estimate", "est_error", "q2.5", "q97.5", "rhat", "bulk_ess", "tail_ess"),
    "predictions": ("model", "quantity", "id", "mean", "q2.5", "q97.5"),
    "loo": ("model", "elpd_diff", "se_diff", "elpd_loo", "se_elpd_loo", "p_loo", "se_p_loo", "looic", "se_looic"),
}


def read(folder: str | Path) -> dict[str, pd.DataFrame]:
    """Printed tables by name; all cells as text, because the digits printed matter.

    Raises
    ------
    StudyError
        If the folder has none of the tables that are known, a table cannot be read or has other columns, or a cell is
        no number.
    """
    paths = {name: Path(folder, f"{name}.csv") for name in FILES}
    tables = {name: _table(path) for name, path in paths.items() if path.is_file()}
    if not tables:
        raise StudyError(f"the folder '{folder}' has none of {', '.join(f'{name}.csv' for name in FILES)}.")
    for name, table in tables.items():
        if sorted(table.columns) != sorted(FILES[name]):
            raise StudyError(f"'{paths[name]}' needs the columns {','.join(FILES[name])}; it has {','.join(table)}.")
        numbers = table.drop(columns=list(NAMES), errors="ignore")
        for column, cells in numbers.items():
            for line, cell in enumerate(cells, 2):
                if not re.fullmatch(NUMBER, cell):
                    raise StudyError(f"'{paths[name]}', line {line}: {column} is '{cell}', and no number.")
    return tables


def _table(path: Path) -> pd.DataFrame:
    """All cells as they are written, empty ones too, so that each record stands in the line that messages name."""
    try:
        rows = pd.read_csv(path, dtype="str", header=None, keep_default_na=False, skip_blank_lines=False)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise StudyError(f"'{path}' cannot be read as CSV in UTF-8: {reason}.") from None
    return rows[1:].reset_index(drop=True).set_axis(rows.iloc[0].tolist(), axis="columns")
