"""Models by expected log predictive density."""

import numpy as np
import pandas as pd
from plotnine import aes, facet_wrap, geom_point, geom_segment, geom_vline, guide_legend, labs, scale_fill_manual

from partialpool.figures.scales import x_numbers
from partialpool.figures.theme import PAGE, TEAL, Figure, chart
from partialpool.fit.failed import failed, marked_titles
from partialpool.jobs.tables import read_table
from partialpool.loo.pointwise import ESTIMANDS

RELIABLE = "Every Pareto k is good"
UNRELIABLE = "Some Pareto k are too high: elpd unreliable"


def comparison(table, *, titles, labels):
    """Models by expected log predictive density, and by its difference from the best.

    Parameters
    ----------
    table : DataFrame
        Columns `model`, `estimand` (`observation`, `unit`), `rank`, `elpd_loo`, `se_elpd_loo`, `elpd_diff`, `se_diff`,
        `bad_pareto_k` (number of observations whose Pareto k is too high). Of two comparisons for one estimand the
        first is shown.
    titles : Mapping
        Titles of the models.
    labels : Mapping
        `model`, `measurement_noun`, `unit_noun`.

    Returns
    -------
    Figure
        The model that predicts new measurements best on top, one standard error to each side; a row of panels for
        each estimand. Models with a bad Pareto k are hollow, and then a legend says so.
    """
    table = table.drop_duplicates(["model", "estimand"])
    table = table.assign(model=table["model"].map(titles))
    nouns = {"observation": labels.get("measurement_noun", "measurement"), "unit": labels.get("unit_noun", "unit")}
    best_last = list(table.drop_duplicates("model").sort_values("rank", ascending=False)["model"])
    columns = {"elpd ± SE": ("elpd_loo", "se_elpd_loo"), "difference ± SE": ("elpd_diff", "se_diff")}
    estimands = [estimand for estimand in ESTIMANDS if (table["estimand"] == estimand).any()]
    panels = [f"New {nouns[estimand]}: {column}" for estimand in estimands for column in columns]
    frames = [
        pd.DataFrame(
            {
                "model": pd.Categorical(part["model"], best_last),
                "panel": f"New {nouns[estimand]}: {column}",
                "value": part[value],
                "low": part[value] - part[error],
                "high": part[value] + part[error],
                "reliable": np.where(part["bad_pareto_k"] > 0, UNRELIABLE, RELIABLE),
            }
        )
        for estimand in estimands
        for part in [table[table["estimand"] == estimand]]
        for column, (value, error) in columns.items()
    ]
    estimates = pd.concat(frames, ignore_index=True)
    estimates["panel"] = pd.Categorical(estimates["panel"], panels)
    no_difference = pd.DataFrame({"panel": pd.Categorical(panels[1::2], panels), "at": 0})
    guide = guide_legend() if (table["bad_pareto_k"] > 0).any() else None
    plot = chart(
        estimates,
        aes("value", "model"),
        geom_vline(aes(xintercept="at"), no_difference, linetype="dashed", size=0.4),
        geom_segment(aes("low", xend="high", yend="model"), color=TEAL, size=0.6),
        geom_point(aes(fill="reliable"), color=TEAL, size=2, stroke=0.5),
        scale_fill_manual(values={RELIABLE: TEAL, UNRELIABLE: "white"}, guide=guide),
        facet_wrap("panel", scales="free_x", ncol=2),
        x_numbers(),
        labs(x="Expected log predictive density", y=labels.get("model", ""), fill=""),
    )
    return Figure(plot, PAGE, 0.7 + (0.5 + 0.28 * len(best_last)) * len(estimands))


def of_files(paths, diagnostics, *, titles, labels):
    """Yield the figures of tables of results, `results/comparison/{comparison}.csv`; see `comparison`.

    Titles of models of which a check failed have a mark, by the files ``diagnostics`` of all models.
    """
    titles = marked_titles(titles, failed(diagnostics))
    for path in paths:
        yield comparison(read_table(path, ("model",)), titles=titles, labels=labels)
