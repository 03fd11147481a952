"""What the ranks of a calibration say: a verdict for each quantity, in words and numbers."""

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.simulation import uniform
from partialpool.simulation.replicates import of_models

# Probability that all ranks of a quantity that is calibrated lie inside the envelope of its figure.
ENVELOPE = 0.95
# ASSUME: one study in a thousand whose engine is right may have any quantity that is called not calibrated.
FALSE_ALARM = 0.001
CALIBRATED, BY_CHANCE = "calibrated", "calibrated: outside the envelope, as by chance 1 in 20 is"
NOT_CALIBRATED = "not calibrated"


def table(ranks: pd.DataFrame) -> pd.DataFrame:
    """Verdicts on all quantities of all models.

    Parameters
    ----------
    ranks
        Of all replicates: ``model``, and the columns of ``calibration.replicate`` and ``replicates.run``.

    Returns
    -------
    DataFrame
        By model and quantity: ``replicates`` that were fitted and ``failed`` ones, in how many NUTS ran (``nuts``) and
        had divergences (``divergent``); ``mean_rank``, between 0 and 1, and ``z_mean``, its distance from 0.5 in
        standard errors; ``z_spread``, the same of the variance of the ranks; ``p``, the probability of ranks as far
        from uniform at any point; and the ``verdict``.

    Raises
    ------
    StudyError
        If no replicate of a model could be fitted.
    """
    rows = []
    for model, fitted, failed in of_models(ranks, "its priors"):
        for quantity, of_quantity in fitted.groupby("quantity", sort=False):
            rows.append({"model": model, "quantity": quantity} | _numbers(of_quantity, failed))
    verdicts = pd.DataFrame(rows)
    verdicts["verdict"] = [_verdict(row, len(verdicts)) for row in verdicts.itertuples()]
    return verdicts


def _numbers(ranks: pd.DataFrame, failed: int) -> dict[str, float]:
    """What the ranks of one quantity have in numbers."""
    pit, n = ranks["pit"].to_numpy(), len(ranks)
    return {
        "replicates": n,
        "failed": failed,
        "nuts": int((ranks["sampling"] == "nuts").sum()),
        "divergent": int((ranks["divergences"] > 0).sum()),
        "mean_rank": pit.mean(),
        # Of uniform numbers the variance is 1/12, and that of (u - 1/2)^2 is 1/180.
        "z_mean": (pit.mean() - 0.5) * np.sqrt(12 * n),
        "z_spread": (((pit - 0.5) ** 2).mean() - 1 / 12) * np.sqrt(180 * n),
        "p": uniform.p_value(pit),
    }


def _verdict(row, quantities: int) -> str:
    if row.p * quantities >= FALSE_ALARM:
        return CALIBRATED if row.p >= 1 - ENVELOPE else BY_CHANCE
    if abs(row.z_mean) >= abs(row.z_spread):
        return f"{NOT_CALIBRATED}: estimates are too {'small' if row.z_mean > 0 else 'large'}"
    return f"{NOT_CALIBRATED}: intervals are too {'narrow' if row.z_spread > 0 else 'wide'}"


def told(verdicts: pd.DataFrame) -> str:
    """A table of verdicts in words: a line a model, and one for each quantity that is not calibrated."""
    lines = []
    for model, own in verdicts.groupby("model", sort=False):
        wrong = own[_is_wrong(own)]
        of = own.iloc[0]
        notes = [f"{of['replicates']} replicates"]
        notes += [f"{of['failed']} could not be fitted"] if of["failed"] else []
        notes += [f"NUTS in {of['nuts']}"] if of["nuts"] else []
        notes += [f"divergences in {of['divergent']}"] if of["divergent"] else []
        lines.append(
            f"{model}: {len(own) - len(wrong)} of {len(own)} quantities calibrated ({', '.join(notes)}; smallest p "
            f"{own['p'].min():.2g})"
        )
        lines += [
            f"  {row.quantity}: {row.verdict} (p {row.p:.2g}, mean rank {row.mean_rank:.2f})"
            for row in wrong.itertuples()
        ]
    return "\n".join(lines)


def judge(verdicts: pd.DataFrame) -> None:
    """Raise StudyError if any quantity is not calibrated."""
    wrong = verdicts[_is_wrong(verdicts)]
    if len(wrong):
        figures = ", ".join(f"results/figures/calibration-{model}.png" for model in wrong["model"].unique())
        raise StudyError(
            f"{told(verdicts)}\n\n{len(wrong)} of {len(verdicts)} quantities are not calibrated: for data made from "
            f"the priors, the engine does not give their posterior. Look at {figures}."
        )


def _is_wrong(verdicts: pd.DataFrame) -> pd.Series:
    return verdicts["verdict"].str.startswith(NOT_CALIBRATED)


def curves(ranks: pd.DataFrame) -> pd.DataFrame:
    """Distribution functions of the ranks of one model, less that of uniform numbers.

    Returns
    -------
    DataFrame
        By quantity: ``at``, between 0 and 1; ``difference`` there; ``low`` and ``high``, the envelope in which all of
        it lies with probability ``ENVELOPE`` if the quantity is calibrated.
    """
    parts = []
    for quantity, own in ranks[ranks["problem"] == ""].groupby("quantity", sort=False):
        n = len(own)
        at, (low, high) = uniform.points(n), uniform.envelope(n, uniform.tail_of(n, ENVELOPE))
        values = {"difference": uniform.counts(own["pit"].to_numpy()), "low": low, "high": high}
        inside = pd.DataFrame({"at": at} | {name: count / n - at for name, count in values.items()})
        ends = pd.DataFrame({"at": [0.0, 1.0]} | dict.fromkeys(values, 0.0))
        parts.append(pd.concat([ends[:1], inside, ends[1:]]).assign(quantity=quantity))
    return pd.concat(parts, ignore_index=True)
