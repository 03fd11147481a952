"""Leave-one-out with each unit's effects, or an effect of each row, integrated out: by quadrature if need be.

For models that were sampled over all parameters and have no closed form. What is left out then has importance weights
over parameters that several rows share, whose posterior changes little without a row or a unit.
"""

import numpy as np
import pandas as pd

from partialpool.fit.by_row import outcomes
from partialpool.loo.integrated import with_p_loo
from partialpool.loo.pointwise import PointwiseElpd
from partialpool.loo.psis import psis
from partialpool.model.formula import complete_cases
from partialpool.model.names import draws_of, effect_terms
from partialpool.model.population import population_of
from partialpool.model.spec import ModelSpec
from partialpool.predict.effects import thinned
from partialpool.predict.linear import LinearPredictor
from partialpool.quadrature.densities import NODES, Given, NoQuadrature, cost, densities, enough_nodes
from partialpool.quadrature.families import FAMILIES, Family

# Draws of each chain on which the number of nodes is chosen, and the fewest on which densities are computed.
TRIED, FEWEST = 5, 100
# Densities of a row at a node that are computed: about a minute of them.
MOST = 2 * 10**9


def by_quadrature(
    tree, spec: ModelSpec, data: pd.DataFrame, *, cores: int = 1
) -> tuple[PointwiseElpd, PointwiseElpd | None]:
    """Leave-one-out with the effects of each unit integrated out, for models with one or two effects a unit.

    log p(y_j | draw) of all rows of unit j, and log p(y_i | the unit's other rows, draw), the difference of two such
    integrals, are reweighted over the draws of what all units share. Where other grouping factors have effects too, and
    one of them has a level for each row (overdispersion as an effect), the effect of the row is integrated out and the
    others are weighted; units are not estimated then.

    Parameters
    ----------
    tree
        The fit, by NUTS, with ``posterior``, ``log_likelihood`` and ``observed_data``.
    spec, data
        What it was fitted to.
    cores
        Threads.

    Returns
    -------
    observations, units : PointwiseElpd
        See ``integrated.integrated``. From all draws, or so many that it takes about a minute. ``units`` is None if the
        effects of rows were integrated out.

    Raises
    ------
    NoQuadrature
        If the family, the link or the effects of the model are not of this kind, or quadrature is not accurate.

    References
    ----------
    Merkle, Furr & Rabe-Hesketh (2019), Psychometrika 84(3), conditional and marginal likelihoods; Pinheiro & Bates
    (1995), Journal of Computational and Graphical Statistics 4(1), adaptive quadrature.
    """
    rows = complete_cases(spec, data)
    model, posterior = Conditional(tree, spec, rows), tree["posterior"].to_dataset()
    codes = model.codes
    nodes, error = enough_nodes(model.given(thinned(posterior, TRIED)), codes)
    told = (
        f"by quadrature with {nodes.along_each} nodes along each; twice as many change a density by at most {error:.1g}"
    )
    print(f"Effects are integrated out {'in closed form' if spec.family == 'gaussian' else told}.")
    most = MOST // (cost(codes, model.z.shape[1], nodes) * posterior.sizes["chain"])
    posterior = thinned(posterior, max(FEWEST, most))
    of_units, of_rows = densities(model.given(posterior), codes, nodes, cores=cores)
    shape = posterior.sizes["chain"], posterior.sizes["draw"], -1
    left_out = psis(of_rows.reshape(shape), rows["row"].to_numpy().astype(int), method="integrated")
    observations = with_p_loo(left_out, tree, np.arange(len(rows)))
    if model.factor != spec.unit:
        return observations, None
    ids = rows[spec.unit].cat.categories.to_numpy(dtype=object)
    return observations, with_p_loo(psis(of_units.reshape(shape), ids, method="integrated"), tree, codes)


class Conditional:
    """A model in which the levels of a grouping factor are independent given everything else.

    Parameters
    ----------
    tree, spec
        See ``by_quadrature``.
    rows
        The model's complete cases.

    Attributes
    ----------
    factor
        The grouping factor whose effects are integrated out: the unit, or one that has a level for each row.
    codes : (n,)
        The level of it that each row belongs to.
    y : (n,)
        See ``by_row.outcomes``.
    z : (n, q)
        Design of the effects of a level.

    Raises
    ------
    NoQuadrature
        If it is no such model.
    """

    def __init__(self, tree, spec: ModelSpec, rows: pd.DataFrame):
        self.spec, self.rows = spec, rows
        self.family, self.link = _family(spec, tree["posterior"].attrs["link"])
        posterior = tree["posterior"].to_dataset()
        self.predictor = LinearPredictor(spec, rows)
        self.factor = self._factor(posterior)
        terms, columns = effect_terms(posterior, self.factor), self.predictor.effects_design(rows)
        self.codes = rows[spec.unit].cat.codes.to_numpy() if self.factor == spec.unit else np.arange(len(rows))
        self.z = np.column_stack([columns[term.name] for term in terms])
        if self.z.shape[1] not in NODES:
            raise NoQuadrature(f"{self.factor} has {self.z.shape[1]} effects, and at most {max(NODES)} are integrated")
        self.y = outcomes(tree)

    def _factor(self, posterior) -> str:
        """The unit if nothing else has effects; else a factor with a level for each row; NoQuadrature without one."""
        terms = effect_terms(posterior)
        factors = list(dict.fromkeys(term.grouping for term in terms))
        if not factors:
            raise NoQuadrature("it has no group-level effects")
        if factors == [self.spec.unit]:
            return self.spec.unit
        if all(term.name in posterior for term in terms):
            of_rows = {term.grouping: self.predictor.levels[term.name].codes(self.rows) for term in terms}
            for factor, codes in of_rows.items():
                if len(np.unique(codes)) == len(self.rows):
                    return factor
        raise NoQuadrature(f"it needs effects of {self.spec.unit} and of nothing else, or an effect of each row")

    def given(self, posterior) -> Given:
        """The model at the draws of a posterior, which may be some of those of the fit."""
        draws, q = posterior.sizes["chain"] * posterior.sizes["draw"], self.z.shape[1]
        return Given(
            family=self.family,
            link=self.link,
            y=self.y,
            eta=self.predictor(posterior, self.rows, without=self.factor).reshape(draws, -1),
            parameters=self._parameters(posterior, draws),
            z=self.z,
            cholesky=population_of(posterior, self.factor).cholesky.reshape(draws, q, q),
        )

    def _parameters(self, posterior, draws: int) -> dict[str, np.ndarray]:
        """What a density depends on beside the linear predictor, (draws or 1, n or 1) each."""
        parameters = {name: draws_of(posterior, name).reshape(draws, -1) for name in self.family.parameters}
        if "threshold" in parameters:
            edge, level = np.full((draws, 1), np.inf), self.y.astype(int)
            thresholds = np.hstack([-edge, parameters.pop("threshold"), edge])
            parameters |= {"lower": thresholds[:, level], "upper": thresholds[:, level + 1]}
        if self.spec.family == "binomial":
            parameters["n"] = self.predictor.trials(self.rows)[None, :]
        if self.spec.family == "bernoulli":
            parameters["n"] = np.ones((1, 1))
        return parameters


def _family(spec: ModelSpec, link: str) -> tuple[Family, str]:
    """The family of a model and its link; NoQuadrature if its densities are not known here."""
    family = FAMILIES.get(spec.family)
    if family is None or link not in family.links:
        raise NoQuadrature(f"densities of the family {spec.family} with the link {link} are not known")
    return family, link
