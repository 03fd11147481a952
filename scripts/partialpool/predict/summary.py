"""The table of an entry of `predictions`: its columns, and reading it."""

from collections.abc import Iterable

import pandas as pd

from partialpool.jobs.tables import read_table

# Columns of every table, and those of a contrast, a slope and an integral behind the covariates.
VALUES = ("model", "quantity", "id", "mean", "q2.5", "q97.5")
EXTRA = ("contrast", "slope", "p_above_0", "p_above_1", "in_rope", "integration_error")
# What the column of units says where there is none.
AVERAGE_UNIT, POPULATION = "average unit", "population"


def text_columns(prepared: str) -> list[str]:
    """Columns of the prepared data, a path, whose values are levels or other text."""
    from pyarrow import parquet, types

    kinds = (types.is_dictionary, types.is_string, types.is_large_string)
    schema = parquet.read_schema(prepared)
    return [field.name for field in schema if any(kind(field.type) for kind in kinds)]


def read_summary(path: str, text: Iterable[str]) -> pd.DataFrame:
    """The table of one entry of ``predictions``.

    Parameters
    ----------
    path
        Its file.
    text
        Columns of levels, from `text_columns`.
    """
    return read_table(path, [*text, "model", "quantity", "id", "contrast", "slope"])
