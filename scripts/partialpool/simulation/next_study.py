"""Studies of several sizes, made up and fitted: what their intervals and comparisons would say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from partialpool.errors import StudyError
from partialpool.fit import store
from partialpool.loo.psis import psis
from partialpool.loo.without import Without
from partialpool.marginal.closed_form import design
from partialpool.model.automatic import automatic_priors
from partialpool.model.design import NoClosedForm
from partialpool.model.formula import complete_cases
from partialpool.model.parameters import Parameter
from partialpool.model.spec import ModelSpec
from partialpool.simulation.assumed import Assumed, Outcomes, any_population, known, of_population
from partialpool.simulation.cells import Cell, Template
from partialpool.simulation.engine import engine_of
from partialpool.simulation.marginal import MarginalEngine
from partialpool.simulation.replicates import as_integer

PARAMETER = "parameter"
# ASSUME: where independent draws of the scales fail, so many steps of warmup are enough for NUTS, since it begins in
# coordinates in which they are roughly standard normal.
WARMUP = 200
ENDS = [0.025, 0.975]


@dataclass(frozen=True)
class Quantity:
    """What an interval is of: a parameter, or one less another."""

    name: str
    first: Parameter
    second: Parameter | None = None

    @classmethod
    def of(cls, name: str, valid: Mapping[str, Parameter], place: str) -> "Quantity":
        """The quantity of a name, ``group[B] - group[A]``; StudyError if there is no such parameter."""
        parts = [name] if name in valid else [part.strip() for part in name.split(" - ")]
        if len(parts) > 2:
            raise StudyError(f"{place}: '{name}' is no parameter, and no difference of two of them.")
        return cls(name, *(known(part, valid, place) for part in parts))

    def draws(self, posterior) -> np.ndarray:
        """All of its draws in a fit."""
        own = self.first.draws(posterior)
        return (own if self.second is None else own - self.second.draws(posterior)).ravel()


def quantities(posterior, asked: Sequence[str] | None, others: Sequence[str]) -> list[Quantity]:
    """Quantities by their names in the config; those ``asked`` for are by default all common coefficients."""
    valid = of_population(posterior)
    if asked is None:
        asked = [name for name, parameter in valid.items() if parameter.kind == "common"]
    return [Quantity.of(name, valid, "design") for name in dict.fromkeys([*asked, *others])]


@dataclass(frozen=True)
class Size:
    """A design, ready to be simulated and fitted many times.

    Attributes
    ----------
    cell
        Its numbers of units and measurements.
    outcomes
        From which outcomes are drawn.
    engines
        By model; that of the model which the data are drawn from is the first.
    units : (n,)
        Whose measurement each row is, as a number from 0.
    """

    cell: Cell
    outcomes: Outcomes
    engines: Mapping[str, MarginalEngine]
    units: np.ndarray

    @classmethod
    def of(cls, cell: Cell, template: Template, specs: Mapping[str, ModelSpec], seed: int) -> "Size":
        """A design of units as in ``template``; StudyError, with the design, if a model cannot be fitted to it."""
        model, spec = next(iter(specs.items()))
        made, engines = template.rows_of(cell, seed), {}
        for name, own in specs.items():
            try:
                engines[name], rows = engine_of(replace(own, warmup=WARMUP), made)
            except StudyError as error:
                raise StudyError(
                    f"design: {cell.units} units with {cell.measurements} measurements each: model '{name}': {error}"
                ) from None
            if not isinstance(engines[name], MarginalEngine):
                raise _by_nuts(name, "The log of its fit says why.")
        observed = complete_cases(spec, template.rows)
        outcomes = Outcomes(spec, observed, made, engines[model].matrices)
        return cls(cell, outcomes, engines, rows[spec.unit].cat.codes.to_numpy().astype(np.int64))


def _by_nuts(model: str, why: str) -> StudyError:
    return StudyError(
        f"design: model '{model}' would be fitted thousands of times, which takes the marginal engine, and that cannot "
        f"fit it. {why}"
    )


@dataclass(frozen=True)
class NextStudy:
    """All designs, and what is asked of each.

    Attributes
    ----------
    sizes
        The designs.
    assumed
        Parameters of the simulated studies.
    quantities
        What intervals are of.
    estimands
        What cross-validation leaves out, ``observation`` and ``unit``; empty if models are not compared.
    seed
        Of the study.
    """

    sizes: Sequence[Size]
    assumed: Assumed
    quantities: Sequence[Quantity]
    estimands: Sequence[str]
    seed: int

    def replicate(self, number: int) -> pd.DataFrame:
        """A simulated study of each design.

        Returns
        -------
        DataFrame
            ``units``, ``measurements``, ``kind``, ``name``, ``value``, ``low``, ``high``: of the kind ``parameter`` the
            mean and 95 % interval of a quantity; of the kinds ``observation`` and ``unit`` the elpd of a model.
        """
        rows = [
            (size.cell.units, size.cell.measurements, *row) for size in self.sizes for row in self._study(size, number)
        ]
        return pd.DataFrame(rows, columns=["units", "measurements", "kind", "name", "value", "low", "high"])

    def _study(self, size: Size, number: int) -> Iterator[tuple]:
        # By the design and not by its place, so that it has the same numbers among other designs.
        of_data, *of_fits = np.random.SeedSequence([self.seed, number, size.cell.units, size.cell.measurements]).spawn(
            1 + len(size.engines)
        )
        rng = np.random.default_rng(of_data)
        outcome = size.outcomes.draw(self.assumed.draw(rng), rng)
        for i, (engine, of_fit) in enumerate(zip(size.engines.values(), of_fits, strict=True)):
            posterior = engine.fit(outcome, as_integer(of_fit)).posterior
            if i == 0:
                yield from (_interval(quantity, posterior) for quantity in self.quantities)
            for estimand in self.estimands:
                subsets = size.units if estimand == "unit" else np.arange(len(outcome))
                yield estimand, list(size.engines)[i], _elpd(engine, outcome, posterior, subsets), np.nan, np.nan


def _interval(quantity: Quantity, posterior) -> tuple:
    draws = quantity.draws(posterior)
    return PARAMETER, quantity.name, draws.mean(), *np.quantile(draws, ENDS)


def _elpd(engine: MarginalEngine, outcome: np.ndarray, posterior, subsets: np.ndarray) -> float:
    """Expected log predictive density by leave-one-out, coefficients integrated out, as comparisons of fits have it.

    What has a large Pareto k there is computed again; here it is not: models are put in an order, for many data sets.
    """
    matrices = replace(engine.matrices, outcome=outcome, y=outcome - engine.offset)
    labels = np.arange(subsets.max() + 1)
    parts = Without(matrices).left_out(posterior, subsets, len(labels))
    return sum(psis(own, labels[some], method="integrated").total() for some, own, _ in parts)


def refuse_unknown(asked: Mapping, specs: Mapping[str, ModelSpec], data: pd.DataFrame, *, unit: str) -> None:
    """Raise StudyError, before anything is fitted, if a model has no such parameter, or not the engine for a design.

    Parameters
    ----------
    asked
        See ``prepared``; ``parameters``, ``others`` and ``truth`` are used.
    specs
        By model; the first is the one that the data are drawn from.
    data
        Prepared data of this study.
    unit
        Name of the unit's column.
    """
    made = []
    for model, spec in specs.items():
        rows = complete_cases(spec, data)
        if spec.engine == "nuts":
            raise _by_nuts(model, "Its engine is nuts.")
        try:
            made.append(design(spec.with_priors(automatic_priors(spec, rows)), rows))
        except NoClosedForm as reason:
            raise _by_nuts(model, f"Why: {reason}.") from None
    posterior = any_population(made[0])
    quantities(posterior, asked["parameters"], asked["others"])
    Assumed(posterior, asked["truth"], unit)


def prepared(
    asked: Mapping, fits: Mapping, data: pd.DataFrame, *, columns: Mapping[str, str | None], derived: Mapping[str, str]
) -> NextStudy:
    """All designs, from the section ``design`` of the config.

    Parameters
    ----------
    asked
        The section, with ``others``, parameters that its regions and goals are about; ``estimands``, those of the
        comparison, empty without one; and ``seed``.
    fits
        By model, from ``store.load``, with ``posterior``; the first is the model that the data are drawn from.
    data
        Prepared data of this study.
    columns
        Names of the columns ``unit`` and ``time``.
    derived
        Columns that are computed from others.

    Raises
    ------
    StudyError
        If there is no such parameter, or if a model cannot be fitted to a design.
    """
    specs = {model: store.spec_of(tree) for model, tree in fits.items()}
    first, seed = next(iter(fits.values()))["posterior"].to_dataset(), asked["seed"]
    wanted = quantities(first, asked["parameters"], asked["others"])
    assumed = Assumed(first, asked["truth"], columns["unit"])
    rows = set.intersection(*(set(complete_cases(spec, data)["row"]) for spec in specs.values()))
    given = {"times": asked["times"], "span": asked["span"], "derived": derived}
    template = Template(data[data["row"].isin(rows)], columns["unit"], columns["time"], **given)
    cells = [Cell(units, times) for units in asked["units"] for times in asked["measurements"]]
    sizes = [Size.of(cell, template, specs, seed) for cell in cells]
    return NextStudy(sizes, assumed, wanted, asked["estimands"], seed)
