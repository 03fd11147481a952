"""Replicates of a simulation study in batches: a job a batch, and the same numbers however large batches are."""

import os
from collections.abc import Callable, Iterable, Iterator
from time import monotonic

import numpy as np
import pandas as pd

from partialpool.errors import StudyError

# At least this many seconds between two lines of progress.
PAUSE = 5.0


def numbers(batch: str) -> range:
    """Numbers of the replicates of a batch: 1 to 100 of ``1-100``."""
    first, last = map(int, batch.split("-"))
    return range(first, last + 1)


def seed_of(seed: int, replicate: int) -> np.random.SeedSequence:
    """Where the randomness of a replicate comes from: the study's seed and the replicate's number, nothing else."""
    return np.random.SeedSequence([seed, replicate])


def as_integer(seed: np.random.SeedSequence) -> int:
    """A seed for samplers that take a number."""
    return int(seed.generate_state(1)[0])


def run(
    batch: str, one: Callable[[int], pd.DataFrame], *, name: str, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """The replicates of a batch, one after the other.

    Parameters
    ----------
    batch
        Its name.
    one
        Makes the rows of a replicate from its number.
    name
        What is simulated; each line of progress begins with it.
    say
        Takes a line of progress and time to go.

    Returns
    -------
    DataFrame
        Rows of all replicates with their number in a column ``replicate``, and a column ``problem``. A replicate that
        raises a StudyError, since its data cannot be fitted, has one row with the message there.
    """
    tables, wanted, start = [], numbers(batch), monotonic()
    said = start
    for done, number in enumerate(wanted, 1):
        try:
            rows = one(number).assign(problem="")
        except StudyError as error:
            rows = pd.DataFrame({"problem": [str(error)]})
        rows.insert(0, "replicate", number)
        tables.append(rows)
        now = monotonic()
        if now > said + PAUSE or done == len(wanted):
            said, left = now, (now - start) / done * (len(wanted) - done)
            say(f"{name}: {done} of {len(wanted)} replicates of batch {batch}, about {left:.0f} s to go")
    return pd.concat(tables, ignore_index=True)


def join(files: Iterable[str | os.PathLike]) -> pd.DataFrame:
    """Rows of all batches of one study, by number of replicate, whatever the batches are."""
    table = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    return table.sort_values("replicate", kind="stable", ignore_index=True)


def of_models(table: pd.DataFrame, made_from: str) -> Iterator[tuple[str, pd.DataFrame, int]]:
    """Of each model the rows of replicates that were fitted, and how many could not be.

    Parameters
    ----------
    table
        Of all replicates of all models: a column ``model``, and those of ``run``.
    made_from
        What the data sets are from, for the message.

    Raises
    ------
    StudyError
        If no replicate of a model could be fitted.
    """
    for model, own in table.groupby("model", sort=False):
        fitted, failed = own[own["problem"] == ""], own[own["problem"] != ""]
        if fitted.empty:
            raise StudyError(
                f"model '{model}': none of {len(failed)} data sets from {made_from} could be fitted. "
                f"The first: {failed['problem'].iloc[0]}"
            )
        yield model, fitted, len(failed)
