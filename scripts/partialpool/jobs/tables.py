"""Reading tables that other jobs wrote."""

from collections.abc import Iterable

import pandas as pd


def read_table(path, text: Iterable[str] = ()) -> pd.DataFrame:
    """A table of results.

    Parameters
    ----------
    path
        Its CSV file.
    text
        Columns of names, ids and levels. They stay what they are, also where they look like numbers or missing values:
        1, 007, None. A table may lack some of them.
    """
    return pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""])
