"""Leave-one-out with each unit's effects integrated out by quadrature.

For models that were sampled over all parameters and have no closed form. What is left out then has importance weights
over a few parameters that all units share, whose posterior hardly changes without a row or a unit.
"""

import numpy as np
import pandas as pd

from partialpool.loo.families import FAMILIES, Family
from partialpool.loo.integrated import with_p_loo
from partialpool.loo.pointwise import PointwiseElpd
from partialpool.loo.psis import psis
from partialpool.loo.quadrature import NODES, Given, NoQuadrature, cost, densities, enough_nodes
from partialpool.model.formula import complete_cases
from partialpool.model.grammar import special_outcome
from partialpool.model.names import effect_terms
from partialpool.model.population import population_of
from partialpool.model.spec import ModelSpec
from partialpool.predict.effects import thinned
from partialpool.predict.linear import LinearPredictor

# Draws of each chain on which the number of nodes is chosen, and the fewest on which densities are computed.
TRIED, FEWEST = 5, 100
# Densities of a row at a node that are computed: about a minute of them.
MOST = 2 * 10**9


def by_quadrature(tree, spec: ModelSpec, data: pd.DataFrame, *, cores: int = 1) -> tuple[PointwiseElpd, PointwiseElpd]:
    """Leave-one-out with the effects of each unit integrated out, for models with one or two effects a unit.

    log p(y_j | draw) of all rows of unit j, and log p(y_i | the unit's other rows, draw), the difference of two such
    integrals, are reweighted over the draws of what all units share.

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
        See ``integrated.integrated``. From all draws, or so many that it takes about a minute.

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
    model, units = Conditional(tree, spec, rows), rows[spec.unit].cat
    codes, posterior = units.codes.to_numpy(), tree["posterior"].to_dataset()
    nodes, error = enough_nodes(model.given(thinned(posterior, TRIED)), codes)
    print(f"Quadrature with {nodes} nodes along each effect; twice as many change a density by at most {error:.1g}.")
    most = MOST // (cost(codes, model.z.shape[1], nodes) * posterior.sizes["chain"])
    posterior = thinned(posterior, max(FEWEST, most))
    of_units, of_rows = densities(model.given(posterior), codes, nodes, cores=cores)
    shape = posterior.sizes["chain"], posterior.sizes["draw"], -1
    left_out_rows = psis(of_rows.reshape(shape), rows["row"].to_numpy().astype(int), method="integrated")
    left_out_units = psis(of_units.reshape(shape), units.categories.to_numpy(dtype=object), method="integrated")
    return with_p_loo(left_out_rows, tree, np.arange(len(rows))), with_p_loo(left_out_units, tree, codes)


class Conditional:
    """A model whose units are independent given what they share.

    Parameters
    ----------
    tree, spec
        See ``by_quadrature``.
    rows
        The model's complete cases.

    Attributes
    ----------
    y : (n,)
        Outcomes as numbers: 0 or 1, counts, successes, or positions among the levels.
    z : (n, q)
        Design of the effects of a unit.

    Raises
    ------
    NoQuadrature
        If it is no such model.
    """

    def __init__(self, tree, spec: ModelSpec, rows: pd.DataFrame):
        self.spec, self.rows = spec, rows
        self.family, self.link = _family(spec, tree["posterior"].attrs["link"])
        terms = effect_terms(tree["posterior"].to_dataset())
        if not terms or any(term.grouping != spec.unit for term in terms):
            raise NoQuadrature(f"it needs effects of {spec.unit}, and of nothing else")
        self.predictor = LinearPredictor(spec, rows)
        columns = self.predictor.effects_design(rows)
        self.z = np.column_stack([columns[term.name] for term in terms])
        if self.z.shape[1] not in NODES:
            raise NoQuadrature(f"{spec.unit} has {self.z.shape[1]} effects, and at most {max(NODES)} can be integrated")
        self.y = next(iter(tree["observed_data"].data_vars.values())).to_numpy().astype(float)

    def given(self, posterior) -> Given:
        """The model at the draws of a posterior, which may be some of those of the fit."""
        draws, q = posterior.sizes["chain"] * posterior.sizes["draw"], self.z.shape[1]
        return Given(
            family=self.family,
            link=self.link,
            y=self.y,
            eta=self.predictor.common(posterior, self.rows).reshape(draws, -1),
            parameters=self._parameters(posterior, draws),
            z=self.z,
            cholesky=population_of(posterior, self.spec.unit).cholesky.reshape(draws, q, q),
        )

    def _parameters(self, posterior, draws: int) -> dict[str, np.ndarray]:
        """What a density depends on beside the linear predictor, (draws or 1, n or 1) each."""
        names = self.family.parameters
        parameters = {
            name: posterior[name].transpose("chain", "draw", ...).to_numpy().reshape(draws, -1) for name in names
        }
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
    if function := special_outcome(spec.formula):
        raise NoQuadrature(f"its outcome is {function}")
    return family, link
