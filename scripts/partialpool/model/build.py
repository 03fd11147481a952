"""From a spec and its rows to a ``bambi.Model``, with correlated group-level effects if the formula has them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from partialpool.jobs import without_sparse
from partialpool.model.assign import Priors, assign
from partialpool.model.centring import CentredBlock, LevelMeans
from partialpool.model.finite import refuse_infinite
from partialpool.model.formula import bars
from partialpool.model.information import well_informed
from partialpool.model.lkj import CorrelatedBlock
from partialpool.model.matrices import unfit, without_coefficients
from partialpool.model.names import Block, Term, bambi_blocks
from partialpool.model.spec import ModelSpec


def build(spec: ModelSpec, rows: pd.DataFrame):
    """Build the Bambi model of a spec; nothing is compiled yet.

    Parameters
    ----------
    spec
        The model's spec.
    rows
        Its complete cases (``formula.complete_cases``).

    Returns
    -------
    bambi.Model
        With the spec's priors on every parameter. Correlations are named as ``names.blocks`` names them.

    Raises
    ------
    StudyError
        If the family is unknown, a term is not finite in some row, a parameter has no prior, or a prior no parameter,
        or if there are no coefficients.
    """
    without_sparse.let_in()
    import bambi

    try:
        # What is not finite is refused below.
        with np.errstate(all="ignore"):
            model = bambi.Model(
                spec.formula,
                rows,
                family=spec.family,
                link=spec.link,
                auto_scale=False,
                extra_namespace={"np": np},
            )
    except Exception as error:  # Bambi raises ValueError, KeyError and formulae's own
        raise unfit(spec, error) from None
    # Bambi has them from a set, in another order in each process, and so other draws from the same seed.
    for name in sorted(model.marginal_parameters):
        model.parameters[name] = model.parameters.pop(name)
    parent = model.parameters[model.family.likelihood.parent]
    outcome = model.response_term
    _refuse_infinite(spec, model, parent, rows)
    blocks = bambi_blocks(bars(spec.formula), parent.group_specific_terms)
    intercept = [parent.intercept_term.name] if parent.intercept_term else []
    priors = assign(
        spec,
        outcome=outcome.name,
        common=[*intercept, *parent.common_terms],
        offsets=parent.offset_terms,
        blocks=blocks,
        parameters=model.marginal_parameters,
        parent=model.family.likelihood.parent,
        outcome_has_levels=bool(outcome.coords),
    )
    _refuse_without_coefficients(spec, parent)
    model.set_priors(_of_common(parent, priors) | _of_family(spec, outcome, priors) | _of_groups(blocks, priors))
    return model


def build_for_nuts(spec: ModelSpec, rows: pd.DataFrame):
    """Build the Bambi model of a spec, and its PyMC model as it is sampled best.

    Where the data say much about each level (``information.well_informed``), group-level effects are sampled around the
    linear predictor of their level. The variables are the same, in another order.

    Parameters
    ----------
    spec, rows
        See ``build``.

    Returns
    -------
    bambi.Model
        Its PyMC model is ``backend.model``.
    """
    model = build(spec, rows)
    parent = model.parameters[model.family.likelihood.parent]
    known_well = well_informed(model, bambi_blocks(bars(spec.formula), parent.group_specific_terms))
    in_formula = dict(parent.terms)
    if known_well:
        names = [term.name for block in known_well for term in block.terms]
        print(f"The data say much about each level: {', '.join(names)} are sampled around its linear predictor.")
        # Each bar takes from the linear predictor what stands before it.
        parent.terms |= {name: parent.terms.pop(name) for name in names}
        for block in known_well:
            eta = dict(spec.priors["cor"].args)["eta"] if block.correlation else None
            centred = CentredBlock(block, eta, LevelMeans(model, block))
            sds = {term.name: parent.terms[term.name].prior.args["sigma"] for term in block.terms}
            model.set_priors({name: centred.prior(sd) for name, sd in sds.items()})
    model.build()
    # Bambi predicts from matrices that are in the order of the formula.
    parent.terms = in_formula
    return model


def _refuse_without_coefficients(spec: ModelSpec, parent) -> None:
    """Raise StudyError if Bambi could not predict."""
    if not (parent.intercept_term or parent.common_terms or parent.group_specific_terms):
        raise without_coefficients(spec)


def _of_common(parent, priors: Priors) -> dict:
    """Bambi's priors of the common coefficients, by name of the term."""
    sizes = {name: 1 if term.data.ndim == 1 else term.data.shape[1] for name, term in parent.common_terms.items()}
    return {name: prior.to_bambi(sizes.get(name, 1)) for name, prior in priors.common.items()}


def _of_groups(blocks: Sequence[Block], priors: Priors) -> dict:
    """Bambi's priors of the group-level effects, by name of the term."""
    import bambi

    wanted = {}
    for block in blocks:
        sds = {term.name: priors.sd[term.name].to_bambi(len(term.coefficients)) for term in block.terms}
        if block.correlation is None:
            wanted |= {name: bambi.Prior("Normal", auto_scale=False, mu=0, sigma=sd) for name, sd in sds.items()}
        else:
            correlated = CorrelatedBlock(block, priors.eta)
            wanted |= {name: correlated.prior(sd) for name, sd in sds.items()}
    return wanted


def _of_family(spec: ModelSpec, outcome, priors: Priors) -> dict:
    """Bambi's priors of the family's own parameters, by name."""
    wanted = {name: prior.to_bambi() for name, prior in priors.family.items() if name != "threshold"}
    if "threshold" in priors.family:
        thresholds, settings = len(outcome.levels) - 1, {}
        if spec.family == "cumulative":
            from pymc.distributions.transforms import ordered

            # They are sampled in their order, and begin apart from each other, also where all have one prior.
            settings = {"transform": ordered, "initval": np.linspace(-1, 1, thresholds)}
        wanted["threshold"] = priors.family["threshold"].to_bambi(thresholds, **settings)
    return wanted


def _refuse_infinite(spec: ModelSpec, model, parent, rows: pd.DataFrame) -> None:
    """Raise StudyError if the outcome or a term of a Bambi model is not finite in some row."""
    outcome = model.response_term
    terms = [(name, term.data) for name, term in (parent.common_terms | parent.offset_terms).items()]
    terms += [(Term.of_bambi(term).expression, term.predictor) for term in parent.group_specific_terms.values()]
    refuse_infinite(spec.formula, [(outcome.name, outcome.data), *terms], rows)
