"""The sections `calibration` and `recovery`: fits on made-up data."""

from pydantic import Field

from partialpool.study.base import Strict


class Replicates(Strict):
    """How often a study on made-up data repeats its fits."""

    replicates: int = Field(200, ge=20, le=100_000)
    """Number of data sets that are made and fitted for each model."""
    batch: int = Field(100, ge=1)
    """How many of them a job fits. The results do not depend on it."""

    @property
    def batches(self) -> list[str]:
        """Names of the batches of replicates 1, 2, ...: ``1-100``, ``101-200``, ...; the last may be smaller.

        With more replicates those that are whole stay as they are.
        """
        return [
            f"{first}-{min(first + self.batch - 1, self.replicates)}"
            for first in range(1, self.replicates + 1, self.batch)
        ]


class OfModels(Replicates):
    """The same for some models of the study."""

    models: list[str] | None = Field(None, min_length=1)
    """Names of the models; all by default."""


class Calibration(OfModels):
    """`snakemake calibrate`: does the engine compute the posterior, for data made from the priors?"""


class Recovery(OfModels):
    """`snakemake recover`: are the estimates right, for data made from the fitted model?"""
