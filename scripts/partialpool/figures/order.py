"""The order in which figures show units, models and parameters."""

import re

import pandas as pd


def natural_key(text: str) -> list:
    """Sort key that compares the numbers in a text as numbers: 2 before 10, A-7 before A-10."""
    parts = re.split(r"(\d+)", text)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def distinct(values: pd.Series) -> list:
    """Distinct values in the order of their categories, else in order of appearance."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return list(values.cat.remove_unused_categories().cat.categories)
    return list(values.unique())


def distinct_units(ids: pd.Series) -> list[str]:
    """Distinct units in the order of their categories, else in natural order."""
    units = distinct(ids)
    return units if isinstance(ids.dtype, pd.CategoricalDtype) else sorted(units, key=natural_key)


def units_by_estimate(table: pd.DataFrame, column: str) -> list[str]:
    """Units by the mean of a column in the first model; those that the first model lacks come last."""
    first = table[table["model"] == distinct(table["model"])[0]]
    means = first.groupby("id", observed=True)[column].mean()
    return list(means.reindex(distinct_units(table["id"])).sort_values(kind="stable").index)


def in_order(table: pd.DataFrame, **orders: list) -> pd.DataFrame:
    """Copy of a table whose named columns are categories in the order given; other values become missing."""
    categories = {column: table[column].astype("category") for column in orders}
    return table.assign(**{column: categories[column].cat.set_categories(order) for column, order in orders.items()})
