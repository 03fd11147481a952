"""Group-level effects in order, before the distribution that they were drawn from."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from plotnine import (
    aes,
    element_blank,
    facet_wrap,
    geom_hline,
    geom_linerange,
    geom_point,
    geom_rect,
    labs,
    scale_x_discrete,
    theme,
)

from partialpool.data import units
from partialpool.figures.limits import MOST_EFFECTS
from partialpool.figures.order import distinct, in_order
from partialpool.figures.scales import NAMED_UNITS, names_below, y_numbers
from partialpool.figures.theme import CORAL, PAGE, TEAL, Figure, chart
from partialpool.model.names import common_dim, effect_terms
from partialpool.model.population import population

GIVEN = ("chain", "draw")
ENDS = {"q2.5": 0.025, "q17": 0.17, "q83": 0.83, "q97.5": 0.975}


def of_levels(tree, *, unit: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Estimates of the effects of a fit, and the distributions of their populations.

    Parameters
    ----------
    tree : DataTree
        With ``posterior`` and, where a fit keeps summaries, ``group_effects``.
    unit
        Column of the unit. Where each unit has a common coefficient, these are shown; they have no population.
    seed
        Seed by which ``MOST_EFFECTS`` levels are chosen where there are more.

    Returns
    -------
    effects : DataFrame
        ``panel``, ``level``, ``mean``, ``q2.5``, ``q97.5``: posterior means and 95 % equal-tailed intervals.
    populations : DataFrame
        ``panel``, and ``q2.5``, ``q17``, ``q83``, ``q97.5``: the central 66 and 95 % of the population, which is the
        normal distribution of an effect, averaged over the posterior of its standard deviation.
    """
    effects, populations = [], []
    for panel, levels, estimates, sd in _panels(tree, unit):
        many = MOST_EFFECTS if len(levels) > MOST_EFFECTS else "all"
        shown = units.choose(levels, many, seed=seed, where=panel)
        chosen = pd.DataFrame(estimates, index=pd.Index(levels, name="level")).loc[shown].reset_index()
        effects.append(chosen.assign(panel=panel))
        if sd is not None:
            populations.append({"panel": panel} | _ends(sd))
    return pd.concat(effects, ignore_index=True), pd.DataFrame(populations, columns=["panel", *ENDS])


def _panels(tree, unit: str) -> Iterator[tuple[str, list[str], dict[str, np.ndarray], np.ndarray | None]]:
    """Of each kind of effect its name, its levels, their estimates, and draws of its standard deviation."""
    posterior = tree["posterior"].to_dataset()
    if unit in posterior:
        values = posterior[unit].transpose(common_dim(unit), "chain", "draw")
        yield "Without pooling", _text(values[common_dim(unit)]), _of_draws(values.to_numpy()), None
    terms = effect_terms(posterior)
    several = len({term.grouping for term in terms}) > 1
    for term in terms:
        summarised = term.name not in posterior
        effects = (tree["group_effects"] if summarised else posterior)[term.name]
        if not summarised and (of_outcome := {*effects.dims} - {*term.level_coords, *GIVEN, term.grouping_dim}):
            yield from _of_outcome(posterior, term, of_outcome.pop())
            continue
        effects = effects.transpose(*term.level_coords, term.grouping_dim, ...).to_numpy()
        effects = effects.reshape(len(term.coefficients), -1, *effects.shape[len(term.level_coords) + 1 :])
        levels = _text((tree["group_effects"] if summarised else posterior)[term.grouping_dim])
        sds = population(posterior, [term]).sd
        for i, coefficient in enumerate(term.coefficients):
            estimates = _of_summary(tree, effects[i]) if summarised else _of_draws(effects[i])
            yield f"{term.grouping}: {coefficient}" if several else coefficient, levels, estimates, sds[..., i]


def _of_outcome(posterior, term, dim: str) -> Iterator[tuple[str, list[str], dict[str, np.ndarray], np.ndarray]]:
    """Panels of a term that has effects for each level of a categorical outcome, whose dimension is ``dim``."""
    for level in posterior[dim].to_numpy():
        effects = posterior[term.name].sel({dim: level}).transpose(*term.level_coords, term.grouping_dim, *GIVEN)
        effects = effects.to_numpy().reshape(len(term.coefficients), -1, *(posterior.sizes[one] for one in GIVEN))
        sds = population(posterior.sel({dim: level}), [term]).sd
        for i, coefficient in enumerate(term.coefficients):
            name = f"{term.grouping}: {coefficient}, {level}"
            yield name, _text(posterior[term.grouping_dim]), _of_draws(effects[i]), sds[..., i]


def _text(levels) -> list[str]:
    return [str(level) for level in levels.to_numpy().tolist()]


def _of_draws(draws: np.ndarray) -> dict[str, np.ndarray]:
    """Estimates from draws, (levels, chain, draw)."""
    low, high = np.quantile(draws, [0.025, 0.975], axis=(1, 2))
    return {"mean": draws.mean(axis=(1, 2)), "q2.5": low, "q97.5": high}


def _of_summary(tree, values: np.ndarray) -> dict[str, np.ndarray]:
    """Estimates that a fit keeps, (levels, statistics)."""
    statistics = tree["group_effects"]["statistic"].to_numpy().tolist()
    return {name: values[:, statistics.index(name)] for name in ("mean", "q2.5", "q97.5")}


def _ends(sd: np.ndarray) -> dict[str, float]:
    """``ENDS`` of a normal distribution with mean 0, averaged over draws of its standard deviation.

    They are read off its distribution function at 1001 values, which is as fine as a figure shows.
    """
    from scipy.special import ndtr, ndtri

    sd = np.sort(sd.ravel())[:: max(1, sd.size // 1000)]
    shares = np.array(list(ENDS.values()))
    widest = np.abs(ndtri(shares)).max() * sd[-1]
    values = np.linspace(-widest, widest, 1001)
    ends = np.interp(shares, ndtr(values[:, None] / sd).mean(axis=1), values)
    return dict(zip(ENDS, ends, strict=True))


def effects_in_order(effects: pd.DataFrame, populations: pd.DataFrame, *, noun: str) -> Figure:
    """Effects with their intervals, from the smallest to the largest, before their population.

    Parameters
    ----------
    effects, populations
        From `of_levels`.
    noun
        What the x axis calls the levels.

    Returns
    -------
    Figure
        A panel a kind of effect, each in its own order. Bands are the central 66 and 95 % of the population,
        and the line is its mean, from which effects are deviations. Levels have their names where there is room.
    """
    panels = distinct(effects["panel"])
    effects = effects.sort_values("mean", kind="stable")
    # Each panel has its own order, so that its levels need names of their own.
    effects = effects.assign(place=effects["panel"] + "\n" + effects["level"])
    effects = in_order(effects, panel=panels, place=list(effects["place"]))
    populations = in_order(populations, panel=panels)
    n_levels = effects.groupby("panel", observed=True)["level"].transform("size")
    size = float(np.clip(40 / n_levels.max(), 0.15, 0.5))
    band = {"xmin": -np.inf, "xmax": np.inf, "fill": CORAL, "alpha": 0.18}
    names, height = [scale_x_discrete(breaks=[])], 0.0
    has_room = n_levels <= NAMED_UNITS
    if has_room.any():
        unnamed = set(effects.loc[~has_room, "place"])
        names, height = names_below(distinct(effects.loc[has_room, "level"]), PAGE, _level, unnamed)
    plot = chart(
        effects,
        # One group, since plotnine draws each group by itself, which takes much longer.
        aes("place", "mean", group=1),
        geom_rect(aes(ymin="q2.5", ymax="q97.5"), populations, inherit_aes=False, **band),
        geom_rect(aes(ymin="q17", ymax="q83"), populations, inherit_aes=False, **band),
        geom_hline(aes(yintercept="center"), populations.assign(center=0.0), linetype="dashed", size=0.4),
        geom_linerange(aes(ymin="q2.5", ymax="q97.5"), color=TEAL, size=size),
        geom_point(color=TEAL, size=2 * size + 0.5, stroke=0),
        facet_wrap("panel", ncol=1, scales="free"),
        *names,
        y_numbers(),
        labs(x=f"{noun}, ordered by estimate", y="Estimate"),
        theme(panel_grid_major_x=element_blank()),
    )
    return Figure(plot, PAGE, 0.5 + (1.9 + height) * len(panels))


def _level(place: str) -> str:
    return place.partition("\n")[2]
