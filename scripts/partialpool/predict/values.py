"""Draws of expected and predicted values at some points: of units, of the average unit, and of the population."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.model.families import LINKS, OF_LEVELS
from partialpool.model.formula import complete_cases
from partialpool.model.names import draws_of, effect_terms
from partialpool.model.population import population_of
from partialpool.model.spec import ModelSpec
from partialpool.predict.effects import with_effects_at
from partialpool.predict.linear import LinearPredictor
from partialpool.predict.means import Mean, expected_of
from partialpool.predict.new_units import refuse_own_terms, with_new_units


def draws_at(
    tree, spec: ModelSpec, data: pd.DataFrame, at: pd.DataFrame, *, quantities: list[str], seed: int
) -> dict[str, np.ndarray]:
    """Draws of expected and predicted values of units.

    Parameters
    ----------
    tree
        The fit, with ``posterior``.
    spec, data
        What it was fitted to.
    at
        Units and covariates, from ``points``. A unit that the model does not know is a new one: its effects are drawn
        from the population distribution, anew for each draw, and are the same in all of its rows.
    quantities
        ``expected``: the mean of the distribution of the unit's measurements. ``predicted``: one new measurement.
    seed
        Seed of what is drawn here.

    Returns
    -------
    dict
        For each quantity draws of shape (chain, draw, rows of ``at``); of an outcome with levels, (chain, draw, rows of
        ``at``, levels), see ``by_bambi.draw``.

    Raises
    ------
    StudyError
        If a unit is new and the model has no distribution of units, or the family has no such values.
    """
    rows = complete_cases(spec, data)
    draw = _Draw(spec, rows, quantities, np.random.default_rng(seed))
    observed, ids = list(rows[spec.unit].cat.categories), list(dict.fromkeys(at[spec.unit]))
    known = set(observed)
    new = [unit for unit in ids if unit not in known]
    # New units take the places of observed ones, as many at a time as there are places: so any design and any family
    # takes them for units that it knows.
    stand_in = {unit: unit for unit in known} | {unit: observed[i % len(observed)] for i, unit in enumerate(new)}
    placed = with_categories(at.assign(**{spec.unit: at[spec.unit].map(stand_in)}), rows)
    draw.predictor.require_values(placed)
    posterior = with_effects_at(tree["posterior"].to_dataset(), draw.predictor, rows, placed, seed=seed)
    batches = [(posterior, [unit for unit in ids if unit in known])]
    batches += [(None, new[start : start + len(observed)]) for start in range(0, len(new), len(observed))]
    places, parts = [], []
    for effects, batch in batches:
        if not batch:
            continue
        if effects is None:
            effects = with_new_units(posterior, spec.unit, draw.rng, n_units=len(batch))
        here = at[spec.unit].isin(batch).to_numpy()
        places.append(np.flatnonzero(here))
        parts.append(draw(effects, placed[here]))
    if len(parts) == 1:
        return parts[0]
    order = np.argsort(np.concatenate(places))
    return {
        quantity: np.concatenate([part[quantity] for part in parts], axis=2)[:, :, order] for quantity in quantities
    }


class _Draw:
    """Draws what is asked for, given a posterior and points."""

    def __init__(self, spec: ModelSpec, rows: pd.DataFrame, quantities: list[str], rng: np.random.Generator):
        self.quantities, self.rng = quantities, rng
        of_levels = spec.family in OF_LEVELS
        self.mean = None if of_levels or "expected" not in quantities else Mean(spec)
        self.measurements = _measurements(spec) if "predicted" in quantities else None
        self.bambi_model = None
        if of_levels or ("predicted" in quantities and self.measurements is None):
            from partialpool.predict import by_bambi

            self.bambi_model = by_bambi.build_model(spec, rows)
        self.predictor = LinearPredictor(spec, rows)

    def __call__(self, posterior, at: pd.DataFrame) -> dict[str, np.ndarray]:
        results = {}
        if self.bambi_model is None or self.mean is not None:
            eta, trials = self.predictor(posterior, at), self.predictor.trials(at)
        if self.mean is not None:
            results["expected"] = self.mean.of_unit(eta, posterior, trials)
        if self.bambi_model is not None:
            from partialpool.predict import by_bambi

            others = [quantity for quantity in self.quantities if quantity not in results]
            results |= by_bambi.draw(self.bambi_model, posterior, at, quantities=others, rng=self.rng)
        elif "predicted" in self.quantities:
            results["predicted"] = self.measurements(self.rng, eta, posterior, trials)
        return {quantity: results[quantity] for quantity in self.quantities}


def _measurements(spec: ModelSpec) -> Callable | None:
    """A function that draws measurements, or None for families that only Bambi, which takes seconds to import, draws.

    Of a source of randomness, linear predictors (chain, draw, rows), the posterior, and trials (rows) or 1.
    """
    link = spec.link or LINKS.get(spec.family)
    if (spec.family, link) == ("gaussian", "identity"):
        return lambda rng, eta, posterior, _: eta + draws_of(posterior, "sigma") * rng.standard_normal(eta.shape)
    from partialpool.quadrature.families import FAMILIES

    family = FAMILIES.get(spec.family)
    if family is None or family.draw is None or link not in family.links:
        return None

    def draw(rng: np.random.Generator, eta: np.ndarray, posterior, trials) -> np.ndarray:
        parameters = {name: draws_of(posterior, name) for name in family.parameters}
        return family.draw(rng, eta, link, **parameters | ({"n": trials} if family.of_trials else {}))

    return draw


def of_average_unit(tree, spec: ModelSpec, data: pd.DataFrame, at: pd.DataFrame) -> np.ndarray:
    """Draws, (chain, draw, rows of ``at``), of the expected values of a unit whose group-level effects are 0.

    Those of other grouping factors are 0 too, as with ``re_formula = NA`` of brms. StudyError as in ``draws_at``.
    """
    mean, posterior, predictor, at = _without_units(tree, spec, data, at, "The average unit")
    return mean.of_unit(predictor.common(posterior, at), posterior, predictor.trials(at))


def of_population(tree, spec: ModelSpec, data: pd.DataFrame, at: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Draws, (chain, draw, rows of ``at``), of the mean over all units, and what a coarser rule makes of them.

    The effects of all grouping factors are integrated out. See ``Mean.of_population``; StudyError as in ``draws_at``.
    """
    mean, posterior, predictor, at = _without_units(tree, spec, data, at, "The population")
    eta = predictor.common(posterior, at)
    if mean.link == "identity":
        return mean.of_population(eta, eta, posterior)
    design, variance = predictor.effects_design(at), np.zeros_like(eta)
    for grouping in dict.fromkeys(term.grouping for term in effect_terms(posterior)):
        z = np.column_stack([design[term.name] for term in effect_terms(posterior, grouping)])
        # The variance of z'u, for every draw and row: the squared length of z times the Cholesky factor.
        variance += ((population_of(posterior, grouping).cholesky.swapaxes(-1, -2) @ z.T) ** 2).sum(axis=-2)
    return mean.of_population(eta, variance, posterior, predictor.trials(at))


def _without_units(tree, spec: ModelSpec, data: pd.DataFrame, at: pd.DataFrame, what: str):
    rows, posterior = complete_cases(spec, data), tree["posterior"].to_dataset()
    mean = expected_of(spec)
    refuse_own_terms(posterior, spec.unit, f"{what} has no '{{}}'")
    predictor, at = LinearPredictor(spec, rows), with_categories(at.drop(columns=spec.unit), rows)
    predictor.require_values(at)
    return mean, posterior, predictor, at


def with_categories(at: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Covariates with the categories and numbers of a model's rows; StudyError if a level is unknown."""
    at = at.copy()
    for column in at.columns:
        if column not in rows or not isinstance(rows[column].dtype, pd.CategoricalDtype):
            if column in rows and pd.api.types.is_float_dtype(rows[column]):
                at[column] = at[column].astype("float64")
            continue
        levels, values = list(rows[column].cat.categories), at[column].astype(str)
        if unknown := sorted(set(values) - set(levels)):
            raise StudyError(f"'at': {column} has no level {', '.join(unknown)}. Valid: {', '.join(levels)}.")
        at[column] = pd.Categorical(values, levels, ordered=rows[column].cat.ordered)
    return at
