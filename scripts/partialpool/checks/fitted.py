"""A fit with all that its checks need, each made once and only if a check asks for it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from partialpool.checks.priors import PriorsOfFit
from partialpool.fit.by_row import outcomes
from partialpool.loo.by_quadrature import TRIED, Conditional
from partialpool.model import parameters
from partialpool.model.families import OF_LEVELS
from partialpool.model.parameters import Parameter
from partialpool.model.priors import Distribution
from partialpool.model.spec import ModelSpec
from partialpool.predict.effects import thinned
from partialpool.predict.linear import LinearPredictor
from partialpool.quadrature.densities import Given, densities, enough_nodes

# Draws of each chain that are made anew.
DRAWS = 400
# Draws of each chain at which units' effects are integrated out: densities given a draw are known, so that few serve.
INTEGRATED_DRAWS = 125
# Most values by row and draw that are computed together, and the fewest draws of a chain, however many rows there are.
VALUES, FEWEST = 2 * 10**7, 25


@dataclass(frozen=True)
class Integrated:
    """A model with the effects of its units integrated out, at some of its draws.

    Attributes
    ----------
    model
        What it is made from.
    posterior
        The draws.
    given, nodes
        For functions of ``quadrature.densities``.
    of_units, of_rows : (chain, draw, units or n)
        Log densities of each unit, and of each row given the other rows of its unit.
    """

    model: Conditional
    posterior: object
    given: Given
    nodes: int
    of_units: np.ndarray
    of_rows: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """A fit, and what it was made from.

    Attributes
    ----------
    tree
        The fit, from ``store.load``, with all groups.
    spec
        With all priors (``store.spec_of``).
    data
        The prepared data.
    rows
        The model's complete cases.
    cores
        Threads; no number depends on it.
    """

    tree: object
    spec: ModelSpec
    data: pd.DataFrame
    rows: pd.DataFrame
    cores: int = 1

    @cached_property
    def posterior(self):
        """Dataset of the draws."""
        return self.tree["posterior"].to_dataset()

    @cached_property
    def parameters(self) -> list[Parameter]:
        """Common coefficients, scales and parameters of the family; no coefficients or effects of single units.

        But a model such as ``y ~ 0 + id`` of a family without scales has nothing else than coefficients of units.
        """
        every = [one for one in parameters.of(self.posterior) if one.kind != "group"]
        return [one for one in every if one.variable != self.spec.unit] or every

    @cached_property
    def priors(self) -> PriorsOfFit:
        """The priors of these."""
        return PriorsOfFit(self.posterior, self.spec, LinearPredictor(self.spec, self.rows), self.rows)

    @cached_property
    def matrices(self):
        """The model as matrices (``marginal.closed_form``); None of one that was sampled over all parameters."""
        if self.tree.attrs["engine"] != "marginal":
            return None
        from partialpool.marginal.closed_form import design

        return design(self.spec, self.rows)

    @cached_property
    def integrated(self) -> Integrated:
        """The model with the effects of its units integrated out; NoQuadrature if they cannot be."""
        model, posterior = Conditional(self.tree, self.spec, self.rows), self.some_draws(INTEGRATED_DRAWS)
        nodes, _ = enough_nodes(model.given(thinned(posterior, TRIED)), model.codes)
        given, shape = model.given(posterior), (posterior.sizes["chain"], posterior.sizes["draw"], -1)
        both = densities(given, model.codes, nodes, cores=self.cores)
        return Integrated(model, posterior, given, nodes.along_each, *(values.reshape(shape) for values in both))

    @cached_property
    def base(self):
        """Draws to compare others with that are made anew: see ``drawn_again``."""
        return self.drawn_again()

    @cached_property
    def _own(self) -> tuple:
        """The posterior of the scales, and a distribution close to it."""
        from partialpool.checks.powered import Powered

        posterior = Powered(self.matrices, cores=self.cores)
        return posterior, posterior.proposal(self.spec.seed)

    def drawn_again(
        self, kept: np.ndarray | None = None, priors: Mapping[str, Distribution] | None = None, **powers: float
    ):
        """Draws of ``parameters`` of a marginal model, with another posterior: None where they cannot be trusted.

        With the same random numbers each time, so that few draws are enough to tell how far a mean moves.

        Parameters
        ----------
        kept : (n,), bool, optional
            Rows that the posterior is of; by default all.
        priors
            Priors in the place of the model's own.
        powers
            ``prior``, ``likelihood``: see ``powered.Powered``.
        """
        from partialpool.checks.powered import Powered
        from partialpool.marginal.closed_form import design
        from partialpool.sampling.independent import carried
        from partialpool.sampling.space import Space

        matrices = self.matrices if kept is None else self.matrices.of_rows(kept)
        # In the same coordinates, and of the same proposals.
        own, proposal = self._own
        space = own.space
        if priors is not None:
            matrices = design(replace(self.spec, priors=priors), self.rows)
            space = Space(matrices, [matrices.priors.family["sigma"]], space.sizes)
        posterior = Powered(matrices, **powers, space=space, cores=self.cores)
        if "likelihood" in powers:
            # The posterior is then wider or narrower, and its scales are larger or smaller.
            rng = np.random.default_rng(self.spec.seed)
            proposal = carried(proposal, own.log_density, posterior.log_density, rng)
        settings = {"chains": self.spec.chains, "draws": DRAWS, "seed": self.spec.seed}
        draws, trusted = posterior.estimates(**settings, proposal=proposal)
        if not trusted:
            # Of a large study another posterior can lie far from the model's own.
            draws, trusted = posterior.estimates(**settings, proposal=posterior.proposal(self.spec.seed))
        return draws if trusted else None

    @cached_property
    def codes(self) -> np.ndarray:
        """Which unit each row belongs to, (n,)."""
        return self.rows[self.spec.unit].cat.codes.to_numpy().astype(np.int64)

    @cached_property
    def observed(self) -> np.ndarray:
        """See ``by_row.outcomes``."""
        return outcomes(self.tree)

    @cached_property
    def first_level(self) -> int:
        """How the first level of an outcome with levels is counted: as itself where they are 1, 2, 3, else as 1.

        0 of other outcomes, whose values count as they are.
        """
        if self.spec.family not in OF_LEVELS:
            return 0
        levels = json.loads(self.posterior.attrs["levels"])
        numbers = [int(level) if str(level).isdigit() else None for level in levels]
        own = None not in numbers and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        return numbers[0] if own else 1

    @cached_property
    def counted(self) -> np.ndarray:
        """Outcomes as checks print them, (n,); see ``first_level``."""
        return self.observed + self.first_level

    def some_draws(self, most: int):
        """The posterior at no more than so many draws of each chain; at fewer where there are many rows."""
        few = VALUES // (self.posterior.sizes["chain"] * len(self.rows))
        return thinned(self.posterior, int(np.clip(few, FEWEST, most)))

    @cached_property
    def at_rows(self):
        """The posterior at the draws at which there is something by row."""
        return self.posterior.sel(draw=self.tree["log_likelihood"]["draw"].to_numpy())
