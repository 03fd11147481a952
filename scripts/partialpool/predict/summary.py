"""Reading tables of predictions."""

from collections.abc import Iterable

import pandas as pd

from partialpool.jobs.tables import read_table


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
