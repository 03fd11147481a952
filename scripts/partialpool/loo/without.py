"""A marginal model without some of its rows: their density given all others."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from partialpool.errors import StudyError
from partialpool.loo.leave_out import left_out
from partialpool.marginal.closed_form import MOST_DENSE_COLUMNS
from partialpool.marginal.rows import rows_of
from partialpool.marginal.sample import Posterior
from partialpool.marginal.scales import Scales
from partialpool.marginal.with_effects import WithEffects
from partialpool.marginal.without_effects import WithoutEffects
from partialpool.model.design import Design, GroupingFactor, NoClosedForm
from partialpool.predict.kept import scales_of
from partialpool.sampling.independent import IndependentDraws

# Elements of 8 bytes that densities have at a time.
BATCH = 2 * 10**7
# Draws that an evidence is computed from, and their seed.
DRAWS, SEED = 8000, 71


@dataclass(frozen=True)
class Without:
    """A model, and what its data say of rows that are left out of them.

    Attributes
    ----------
    matrices
        From ``design``.
    cores
        Threads; the numbers do not depend on it.
    """

    matrices: Design
    cores: int = 1

    def left_out(
        self, posterior, subsets: np.ndarray, n_subsets: int
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Subsets of rows given all other rows and the scales, with all coefficients integrated out.

        Some subsets at a time, so that memory does not grow with their number.

        Parameters
        ----------
        posterior
            Dataset of a fit of the model, by any engine.
        subsets : (n,)
            Which subset a row belongs to, 0, 1, ... without a gap.
        n_subsets
            Of how many of them, the first ones.

        Yields
        ------
        some
            Numbers of some subsets.
        densities : (chain, draw, some subsets), in nats
            Logarithms.
        residuals : (chain, draw, some subsets)
            Of subsets of one row: the outcome less its mean, in standard deviations. It is normal.

        Raises
        ------
        NoClosedForm
            If there are too many dense columns beside the subsets.
        """
        shape = posterior.sizes["chain"], posterior.sizes["draw"]
        model, scales = self._model(scales_of(posterior, self.matrices), subsets)
        step = max(1, BATCH // len(scales.sigma))
        for start in range(0, n_subsets, step):
            some = slice(start, min(start + step, n_subsets))
            densities, residuals = left_out(model, scales, subsets, some, self.cores)
            yield some, densities.reshape(*shape, -1), residuals.reshape(*shape, -1)

    def multiplications(self, subsets: np.ndarray) -> int:
        """How many multiplications ``left_out`` takes for a draw, roughly."""
        widths = self.matrices.x.shape[1] + 1
        if self.matrices.factors:
            matrices, block = self._with_block(subsets)
            rows = rows_of(matrices, block, np.column_stack([matrices.x, matrices.y]))
            widths = np.diff(rows.starts)[rows.codes]
        size = np.bincount(subsets)[subsets]
        # A row alone has a few columns of its own; rows together all of them, and each other.
        return int((widths * np.where(size == 1, 10, widths + np.minimum(size, widths))).sum())

    def _model(self, scales: Scales, subsets: np.ndarray) -> tuple[WithEffects | WithoutEffects, Scales]:
        """A model of which each subset has rows of one unit, and the scales as it takes them."""
        if not self.matrices.factors:
            return WithoutEffects(self.matrices), scales
        matrices, block = self._with_block(subsets)
        if matrices is not self.matrices:
            draws = len(scales.sigma)
            sd, correlation = (*scales.sd, np.empty((draws, 0))), (*scales.correlation, np.empty((draws, 0, 0)))
            scales = Scales(scales.sigma, sd, correlation)
        return WithEffects(matrices, block), scales

    def _with_block(self, subsets: np.ndarray) -> tuple[Design, int]:
        """Matrices, and the number of a grouping factor of which each subset has rows of a single level."""
        if (block := self._block(subsets)) is not None:
            return self.matrices, block
        # The subsets as units of their own, which have no effects.
        labels = [str(subset) for subset in range(subsets.max() + 1)]
        units = GroupingFactor("left out", [], np.empty((len(subsets), 0)), subsets, labels)
        return replace(self.matrices, factors=(*self.matrices.factors, units)), len(self.matrices.factors)

    def _block(self, subsets: np.ndarray) -> int | None:
        """The largest grouping factor of which each subset has rows of a single level; None if there is none."""
        within = [
            (len(factor.levels), i)
            for i, factor in enumerate(self.matrices.factors)
            if len(np.unique(subsets * len(factor.levels) + factor.codes)) == subsets.max() + 1
        ]
        dense = sum(len(factor.levels) * factor.z.shape[1] for factor in self.matrices.factors)
        if not within and dense > MOST_DENSE_COLUMNS:
            raise NoClosedForm(
                f"what is left out together has rows of several levels, and its {dense} effects are dense"
            )
        return max(within)[1] if within else None

    @cached_property
    def _with_all(self) -> IndependentDraws:
        return self._draws(self.matrices)

    def _draws(self, matrices: Design) -> IndependentDraws:
        return Posterior(matrices, cores=self.cores).draw(chains=1, draws=DRAWS, seed=SEED)

    def difference_of_evidences(self, kept: np.ndarray) -> tuple[float, float, bool]:
        """Log density of some rows given all others, as log p(y) - log p(y without them), in nats.

        Parameters
        ----------
        kept : (n,), bool
            The others.

        Returns
        -------
        value, mcse : float
            With its Monte Carlo standard error.
        trusted : bool
            Whether the draws behind both evidences pass their checks; False, without a value, where there are none.
        """
        try:
            without = self._draws(self.matrices.of_rows(kept))
        except StudyError:
            # What is left can be so little that the model fits it perfectly.
            return np.nan, np.nan, False
        value = self._with_all.log_evidence - without.log_evidence
        return value, float(np.hypot(self._with_all.mcse, without.mcse)), self._with_all.trusted and without.trusted
