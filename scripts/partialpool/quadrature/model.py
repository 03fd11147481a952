"""A model of another family than the Gaussian, with the effects of its units integrated out by quadrature.

What is left are the common coefficients, the scales and the family's parameters: few enough to be drawn independently,
as the scales of a marginal model are. A model without group-level effects is one of a single unit, with all rows, that
has no effects: there is one node, and nothing to integrate.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from partialpool.model.design import Design, GroupingFactor, NoClosedForm, design_of
from partialpool.model.families import LINKS, PARENTS
from partialpool.model.matrices import evaluate
from partialpool.model.spec import ModelSpec
from partialpool.quadrature.densities import NODES, Given, NoQuadrature, of_units, placement, rows_computed
from partialpool.quadrature.families import FAMILIES
from partialpool.sampling import independent
from partialpool.sampling.independent import IndependentDraws
from partialpool.sampling.mixture import Mixture
from partialpool.sampling.mode import find_mode
from partialpool.sampling.space import Space, sizes_of_effects

# ASSUME: with more dimensions few proposals are accepted, and to look for better ones takes longer than NUTS. Without
# effects of units a posterior is so close to normal that the first proposals, from its mode, serve in more dimensions,
# where this share of them is accepted.
MOST_DIMENSIONS, MOST_WITHOUT_EFFECTS, GOOD_ACCEPTANCE = 12, 50, 0.4
# ASSUME: a fit computes the density about so many times, and each time that of a row so many times beside the nodes, to
# find the modes of the effects.
EVALUATIONS, TO_FIND_MODES = 20_000, 20
# ASSUME: NUTS takes as long as so many densities of each row, and as so many to be compiled. Measured with 200 to
# 12 000 rows of yes-no outcomes and counts. Where a link has no slopes a density takes several times as long.
OF_NUTS, TO_COMPILE_NUTS = 540_000, 3 * 10**8
# Newton steps to the mode of the common coefficients: of counts, whose offsets may be large, each may move by 1 only.
STEPS = 1000
# Log densities below, of which no digits are left for nats, count as those of what data and priors do not allow.
LOWEST = -1e12
# Linear predictors of a row that are in memory at a time.
LINEAR_PREDICTORS = 2 * 10**6
# Draws at which the number of nodes is chosen, and by how much twice as many may change the log likelihood there, in
# nats and on average.
TRIED, TOLERANCE = 100, 1e-2


@dataclass(frozen=True)
class Parameters:
    """Draws of all parameters but the effects of units.

    Attributes
    ----------
    common : (draws, p)
        Coefficients of the centred design.
    family
        By name, (draws,) each.
    sd, correlation : (draws, q), (draws, q, q)
        Standard deviations of the effects, and the Cholesky factor of their correlation matrix.
    """

    common: np.ndarray
    family: dict[str, np.ndarray]
    sd: np.ndarray
    correlation: np.ndarray


class Model:
    """A model, and the density of its parameters on an unconstrained space.

    The first p coordinates are those of the common coefficients: 0 where these would be best without any effects of
    units, and 1 as far as their curvature there says. The others are those of ``Space``.

    Parameters
    ----------
    matrices
        From ``design_of``.
    trials : (n,)
        Of a binomial outcome; 1 of others.
    cores
        Threads; the draws do not depend on it.

    Attributes
    ----------
    nodes
        How many along each effect of a unit.
    evaluations
        At how many points the log likelihood was computed.
    computed
        How many rows each density takes: those of one of the units that are alike.
    progress
        Called now and then with words about how far the draws are, if it is not None.
    """

    def __init__(self, matrices: Design, trials: np.ndarray, *, cores: int = 1):
        self.matrices, self.trials, self.cores = matrices, trials, cores
        self.family = FAMILIES[matrices.spec.family]
        self.link = matrices.spec.link or LINKS[matrices.spec.family]
        (self.factor,) = matrices.factors
        self.offset = matrices.outcome - matrices.y
        self.nodes = NODES[self.factor.z.shape[1]][0]
        self.progress, self.evaluations = None, 0
        self.centre, self.root, curvature = self._without_effects()
        priors = matrices.priors.family
        sizes = np.concatenate([np.ones(len(priors)), sizes_of_effects(matrices, 1.0, curvature)])
        self.space = Space(matrices, list(priors.values()), sizes)
        self.dimensions = len(self.centre) + self.space.dimensions
        most = MOST_DIMENSIONS if self.factor.terms else MOST_WITHOUT_EFFECTS
        if self.dimensions > most:
            raise NoQuadrature(
                f"it has {self.dimensions} parameters beside the effects of units, and with more than {most} "
                "independent draws take longer than NUTS"
            )
        anywhere = self.parameters(np.random.default_rng(0).standard_normal((2, self.dimensions)))
        self.computed = rows_computed(self.given(anywhere), self.factor.codes)
        self._check_time()

    def _check_time(self) -> None:
        """Raise NoQuadrature if NUTS takes less; without effects it never does, whose every step sees all rows too."""
        q, rows = self.factor.z.shape[1], len(self.offset)
        of_row = EVALUATIONS * (self.nodes**q + TO_FIND_MODES)
        of_nuts = OF_NUTS if self.link in self.family.slopes else 0
        if q and self.computed * of_row > rows * of_nuts + TO_COMPILE_NUTS:
            raise NoQuadrature(
                f"with {rows} rows and {self.nodes} nodes along each effect quadrature takes longer than NUTS"
            )

    def of_rows(self, kept: np.ndarray) -> "Model":
        """The model of some of its rows; see ``Design.of_rows``."""
        return Model(self.matrices.of_rows(kept), self.trials[kept], cores=self.cores)

    @np.errstate(divide="ignore", over="ignore", invalid="ignore")
    def _without_effects(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where the common coefficients are best without effects of units, in prior sds from their prior means.

        Returns
        -------
        centre, root : (p,), (p, p)
            And a Cholesky factor of their covariance there.
        curvature : (n,)
            That of the log density of each row by its linear predictor.
        """
        matrices = self.matrices
        family = {name: np.ones(1) for name in matrices.priors.family}
        alone = Parameters(matrices.prior_mean[None], family, *np.zeros((2, 1, 1)))
        given, rows = self.given(alone), np.arange(len(self.offset))[None]
        direction = (matrices.x * matrices.prior_sd)[None, None]
        mode, spread = placement(given, given.at(rows), given.eta[:, rows], direction, STEPS)
        eta = given.eta[:, rows] + (direction @ mode[..., None])[..., 0]
        *_, curvature = self.family.derivatives(eta=eta, link=self.link, **given.at(rows))
        return mode[0, 0], spread[0, 0], np.maximum(-curvature[0, 0], 0.0)

    @property
    def of_trials(self) -> dict[str, np.ndarray]:
        """The number of trials, (n,), for the functions of families that have one."""
        return {"n": self.trials} if self.family.of_trials else {}

    def parameters(self, x: np.ndarray) -> Parameters:
        """What points x (draws, dimensions) stand for."""
        matrices, p = self.matrices, len(self.centre)
        family, (sd,), (correlation,) = self.space.values(x[:, p:])
        common = matrices.prior_mean + matrices.prior_sd * (self.centre + x[:, :p] @ self.root.T)
        return Parameters(common, dict(zip(matrices.priors.family, family.T, strict=True)), sd, correlation)

    @np.errstate(over="ignore", invalid="ignore")
    def given(self, parameters: Parameters) -> Given:
        """The model at some draws of its parameters."""
        family = {name: values[:, None] for name, values in parameters.family.items()}
        of_trials = {name: values[None] for name, values in self.of_trials.items()}
        return Given(
            family=self.family,
            link=self.link,
            y=self.matrices.outcome,
            eta=self.offset + parameters.common @ self.matrices.x.T,
            parameters=family | of_trials,
            z=self.factor.z,
            cholesky=parameters.sd[:, :, None] * parameters.correlation,
        )

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Log of likelihood times prior at points x (n, dimensions), (n,), with its constant: it integrates to p(y)."""
        p = len(self.centre)
        standardised = self.centre + x[:, :p] @ self.root.T
        with np.errstate(all="ignore"):
            value = self._log_likelihood(x, self.nodes) + self.space.log_prior(x[:, p:])
            value += np.log(np.diagonal(self.root)).sum() - 0.5 * (standardised**2 + np.log(2 * np.pi)).sum(axis=1)
        return np.where((value > LOWEST) & (value < np.inf), value, -np.inf)

    def _log_likelihood(self, x: np.ndarray, nodes: int) -> np.ndarray:
        parts = np.array_split(x, -(-len(x) * len(self.offset) // LINEAR_PREDICTORS))
        values = []
        for some in parts:
            given = self.given(self.parameters(some))
            values.append(of_units(given, self.factor.codes, nodes, cores=self.cores).sum(axis=1))
            self.evaluations += len(some)
            if self.progress:
                self.progress(f"{self.evaluations} densities computed, of about {EVALUATIONS} or more")
        return np.concatenate(values)

    @cached_property
    def mode(self) -> tuple[np.ndarray, np.ndarray]:
        """From ``find_mode``; NoQuadrature if no values are found that both data and priors allow."""
        starts = self.space.starts(np.random.default_rng(0))
        starts = np.column_stack([np.zeros((len(starts), len(self.centre))), starts])
        values = self.log_density(starts)
        if np.isneginf(values.max()):
            raise NoQuadrature("no values of its parameters are found that both data and priors allow")
        return find_mode(self.log_density, starts[np.argmax(values)])

    def draw(self, *, chains: int, draws: int, rng: np.random.Generator) -> IndependentDraws:
        """Independent draws of points, and the evidence; NoQuadrature where these, or the nodes, fail their checks."""
        proposal = self._proposal(rng)
        # Enough where the posterior is, and not around its mode only: units apart take more nodes.
        tried = independent.weigh(self.log_density, proposal, independent.PILOT, rng)
        self._take_enough_nodes(tried.x[rng.choice(len(tried.x), TRIED, p=tried.weights)])
        drawn = independent.sample(self.log_density, proposal, chains=chains, draws=draws, rng=rng)
        if not drawn.trusted:
            raise NoQuadrature(f"independent draws fail, with {drawn.quality}")
        points = drawn.x.reshape(-1, self.dimensions)
        self._check_nodes(points[:: -(-len(points) // TRIED)])
        return drawn

    def _proposal(self, rng: np.random.Generator) -> Mixture:
        """A mixture close to the density; NoQuadrature where to look for one takes longer than NUTS."""
        if not self.factor.terms:
            first = independent.nearly_normal(*self.mode)
            tried = independent.weigh(self.log_density, first, independent.FEWEST, rng)
            if tried.acceptance >= GOOD_ACCEPTANCE and tried.pareto_k <= independent.LARGEST_PARETO_K:
                return first
            if self.dimensions > MOST_DIMENSIONS:
                raise NoQuadrature(
                    f"with {self.dimensions} parameters its posterior is too far from normal, with acceptance "
                    f"{tried.acceptance:.2f}"
                )
        return independent.adapt(self.log_density, *self.mode, rng)

    def _take_enough_nodes(self, x: np.ndarray) -> None:
        """Take as many nodes along each effect as are enough at points x; NoQuadrature if NUTS takes less time then."""
        for nodes in NODES[self.factor.z.shape[1]]:
            self.nodes = nodes
            self._check_time()
            if self._error(x) <= TOLERANCE:
                return
        self._check_nodes(x)

    def _check_nodes(self, x: np.ndarray) -> None:
        """Raise NoQuadrature if there are not enough nodes at points x."""
        if self._error(x) > TOLERANCE:
            raise NoQuadrature(
                f"its log likelihood differs by {self._error(x):.1g} with {self.nodes} and with {2 * self.nodes} nodes "
                "along each effect"
            )

    def _error(self, x: np.ndarray) -> float:
        """By how much twice as many nodes change the log likelihood at points x, on average."""
        values, better = (self._log_likelihood(x, nodes) for nodes in (self.nodes, 2 * self.nodes))
        return float(np.abs(values - better).mean())


def model_of(spec: ModelSpec, rows: pd.DataFrame, *, cores: int = 1) -> Model:
    """A model whose parameters can be drawn independently.

    Parameters
    ----------
    spec
        The model's spec, with all priors.
    rows
        Its complete cases.
    cores
        Threads.

    Raises
    ------
    NoQuadrature
        With what stands in the way.
    StudyError
        See ``design_of``.
    """
    link = spec.link or LINKS.get(spec.family)
    if spec.family not in PARENTS or link not in FAMILIES[spec.family].links:
        with_link = f" with the link {link}" if link else ""
        raise NoQuadrature(f"its family is {spec.family}{with_link}, which quadrature does not know")
    evaluated = evaluate(spec, rows)
    outcome, trials = _outcome(evaluated.response, len(rows))
    family = {"parameters": list(FAMILIES[spec.family].parameters), "parent": PARENTS[spec.family]}
    try:
        matrices = design_of(spec, rows, evaluated, outcome, **family)
    except NoClosedForm as reason:
        raise NoQuadrature(str(reason)) from None
    if not matrices.factors:
        one_unit = GroupingFactor(spec.unit, [], np.empty((len(rows), 0)), np.zeros(len(rows), dtype=np.int64), ["all"])
        matrices = replace(matrices, factors=(one_unit,))
    if [factor.name for factor in matrices.factors] != [spec.unit]:
        raise NoQuadrature(f"it needs effects of {spec.unit} and of nothing else, or no effects")
    q = matrices.factors[0].z.shape[1]
    if q not in NODES:
        raise NoQuadrature(f"{spec.unit} has {q} effects, and at most {max(NODES)} are integrated")
    return Model(matrices, trials, cores=cores)


def _outcome(response, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and trials, (n,) each, of a term of formulae: of levels whether it is the first, of trials successes."""
    values = np.asarray(response.term.term.data, dtype=float).reshape(rows, -1)
    trials = values[:, 1] if response.kind == "proportion" else np.ones(rows)
    return values[:, 0], trials
