"""Results of ``run.py`` -> tables in the README, and the figure."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import plotnine as p9
from mizani.labels import label_number
from partialpool.figures.theme import CORAL, GREY, TEAL, theme_study

BRMS, OURS = "brms", "partialpool"
SLOPE = "ESS sd(week)"
ROWS_EACH = 10


# ---------------------------------------------------------------------------------------------- tables


def number(value: float) -> str:
    """A number to three significant digits; a dash for what was not measured."""
    if not np.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown; numbers as ``number`` writes them, aligned to the right."""
    numeric = [column for column in table if table[column].dtype.kind in "if"]
    shown = table.assign(**{column: table[column].map(number) for column in numeric})
    rule = ["---:" if column in numeric else "---" for column in table]
    lines = [list(table.columns), rule, *shown.to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def exponent(sizes, values) -> float:
    """Least-squares slope of log value on log size; NaN with fewer than two measurements."""
    pairs = np.array([pair for pair in zip(sizes, values, strict=True) if np.isfinite(pair).all()])
    return float(np.polyfit(*np.log(pairs).T, 1)[0]) if len(pairs) > 1 else np.nan


def study(results: pd.DataFrame) -> pd.DataFrame:
    """Seconds of each tool for its fits, its LOO and everything; CPU seconds and jobs of everything.

    The time of everything is also given relative to that of brms or, if brms was not measured, of the first tool.
    """
    seconds = results[results["measure"] == "seconds"].pivot(index="tool", columns="case", values="value")
    whole = results[results["case"] == "all"].pivot(index="tool", columns="measure", values="value")
    whole = whole.reindex(index=results["tool"].unique(), columns=["process", "CPU s", "jobs"])
    # Of brms only its fits and LOO: not the start of R, nor reading the data.
    every = whole["process"].mask(whole.index == BRMS, seconds.sum(axis=1))
    table = seconds.reindex(index=every.index, columns=[*sorted(seconds.columns.drop("LOO")), "LOO"]).assign(all=every)
    reference = BRMS if BRMS in table.index else table.index[0]
    table[f"relative to {reference}"] = every / every[reference]
    return table.join(whole[["CPU s", "jobs"]]).reset_index()


def fits(results: pd.DataFrame) -> pd.DataFrame:
    """Seconds of each fit and of all, and of the sampling in them where a tool tells it; CPU seconds of the process.

    All fits are, for brms and stanli, the sum of the fits: not the start, nor reading the data.
    """
    results = results[results["tool"] != OURS]
    seconds = results[results["measure"] == "seconds"].pivot(index="tool", columns="case", values="value")
    seconds = seconds.drop(columns="LOO", errors="ignore").reindex(results["tool"].unique())
    sampling = results[results["measure"] == "sampling, s"].groupby("tool")["value"].sum()
    whole = results[results["case"] == "all"].pivot(index="tool", columns="measure", values="value")
    every = whole["process"].where(whole.index.str.startswith(OURS), seconds.sum(axis=1))
    columns = {"all": every, "sampling of all": sampling, "CPU s": whole["CPU s"]}
    return seconds.assign(**columns).reset_index()


def growth(results: pd.DataFrame) -> pd.DataFrame:
    """Effective draws of the standard deviation of the slopes per CPU second, in the model that has it."""
    with_slopes = results.loc[results["measure"] == SLOPE, "case"]
    own = results[results["case"].isin(with_slopes)]
    own = own.pivot(index="tool", columns="measure", values="value").reindex(own["tool"].unique())
    table = own.reindex(columns=["divergences", SLOPE, "sampling, CPU s"]).dropna()
    table["ESS/CPU s"] = table[SLOPE] / table["sampling, CPU s"]
    table["relative to brms"] = table["ESS/CPU s"] / table["ESS/CPU s"].get(BRMS, np.nan)
    return table.reset_index()


def scale(results: pd.DataFrame) -> pd.DataFrame:
    """Seconds and GiB over units and rows of a unit; for lme4 the seconds of ``lmer()`` alone."""
    sizes = results["case"].str.extract(r"^(?P<units>\d+) x (?P<each>\d+)$")
    results = results[sizes["units"].notna()].join(sizes.dropna().astype(int))
    table = results.pivot_table(index=["units", "each", "tool"], columns="measure", values="value").reset_index()
    table = table.reindex(columns=["units", "each", "tool", "process", "fit", "GiB"])
    table["seconds"] = table["fit"].fillna(table["process"])
    table["rows"] = table["units"] * table["each"]
    lme4 = table[table["tool"] == "lme4"].set_index(["units", "each"])["seconds"]
    reference = [lme4.get((row.units, row.each), np.nan) for row in table.itertuples()]
    table["relative to lme4"] = table["seconds"] / np.array(reference, float)
    return table[["tool", "units", "each", "rows", "seconds", "relative to lme4", "GiB"]]


def sweeps(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Our rows of ``scale`` with the same number of rows a unit, and those with the same number of units."""
    ours = table[table["tool"] == OURS]
    units = ours["units"].mode().iloc[0] if len(ours) else 0
    return {
        f"{ROWS_EACH} rows a unit": ours[ours["each"] == ROWS_EACH],
        f"{units:,} units": ours[ours["units"] == units],
    }


def exponents(table: pd.DataFrame) -> pd.DataFrame:
    """Exponents of time and memory over rows, for each of ``sweeps``."""
    lines = [
        {"with": name, "rows": f"{part['rows'].min():,} to {part['rows'].max():,}"}
        | {f"exponent of {value}": f"{exponent(part['rows'], part[value]):.2f}" for value in ("seconds", "GiB")}
        for name, part in sweeps(table).items()
        if len(part) > 1
    ]
    return pd.DataFrame(lines)


def tables(part: str, results: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Tables of one part by their names; those for which nothing was measured are missing."""
    measured = results[results["measure"] != "failed"]
    if measured.empty:
        return {}
    if part == "study":
        return {"study": study(measured)}
    if part == "fits":
        several = {"fits": fits(measured), "growth": growth(measured)}
    else:
        table = scale(measured)
        several = {"scale": table, "exponents": exponents(table)}
    return {name: table for name, table in several.items() if len(table)}


def shown(part: str, results: pd.DataFrame) -> str:
    """What the README shows of one part: its tables, what failed, and where it ran."""
    pieces = [markdown(table.rename(columns={"each": "rows each"})) for table in tables(part, results).values()]
    failed = results[results["measure"] == "failed"]
    pieces += [f"{row.tool}, {row.case}: failed ({row.note})." for row in failed.itertuples()]
    return "\n\n".join([*pieces, f"*{results['run'].iloc[0]}*"])


def fill(text: str, part: str, content: str) -> str:
    """Put content between the markers ``<!-- part -->`` and ``<!-- /part -->``.

    Raises
    ------
    ValueError
        If the text has no such markers.
    """
    pattern = rf"(?s)(<!-- {part} -->\n).*?(<!-- /{part} -->)"
    if not re.search(pattern, text):
        raise ValueError(f"There is no <!-- {part} --> ... <!-- /{part} --> to write into.")
    return re.sub(pattern, lambda match: f"{match[1]}\n{content}\n\n{match[2]}", text)


# ---------------------------------------------------------------------------------------------- figure


def figure(drawn: dict[str, pd.DataFrame]):
    """Panels of the tables that are there: seconds of ``study``, effective draws of ``growth``, ``scale`` over rows."""
    style = theme_study() + p9.theme(plot_title=p9.element_text(size=9, ha="left"), panel_spacing=0.06)

    def bars(table: pd.DataFrame, value: str, title: str, unit: str):
        table = table.dropna(subset=[value]).assign(label=lambda t: t[value].map(number))
        table["tool"] = pd.Categorical(table["tool"], table["tool"][::-1])
        table["ours"] = table["tool"].str.startswith(OURS)
        return (
            p9.ggplot(table, p9.aes("tool", value, fill="ours"))
            + p9.geom_col(width=0.6, show_legend=False)
            + p9.geom_text(p9.aes(label="label"), size=7, ha="left", nudge_y=0.01 * table[value].max())
            + p9.scale_fill_manual({True: TEAL, False: GREY})
            + p9.scale_y_continuous(expand=(0, 0, 0.2, 0))
            + p9.coord_flip()
            + p9.labs(title=title, x="", y=unit)
            + style
            + p9.theme(panel_grid_major_y=p9.element_blank())
        )

    def over_rows(table: pd.DataFrame):
        parts = [part.assign(sweep=f"{OURS}, {name}") for name, part in sweeps(table).items()]
        others = table[table["tool"] != OURS]
        parts.append(others.assign(sweep=others["tool"] + ", point estimate"))
        long = pd.concat(parts).melt(["rows", "sweep"], ["seconds", "GiB"], "measure")
        long["measure"] = pd.Categorical(long["measure"].map({"seconds": "Seconds", "GiB": "Peak memory, GiB"}))
        long["measure"] = long["measure"].cat.reorder_categories(["Seconds", "Peak memory, GiB"])
        long["sweep"] = pd.Categorical(long["sweep"], long["sweep"].unique())
        return (
            p9.ggplot(long, p9.aes("rows", "value", color="sweep", shape="sweep"))
            + p9.geom_line()
            + p9.geom_point(size=2)
            + p9.facet_wrap("measure", scales="free_y")
            + p9.scale_x_log10(labels=label_number(big_mark=","))
            + p9.scale_y_log10(labels=label_number())
            + p9.scale_color_manual([TEAL, CORAL, GREY])
            + p9.scale_shape_manual(["o", "^", "s"])
            + p9.labs(title="Time and memory over rows", x="Rows", y="", color="", shape="")
            + style
        )

    panels = []
    if "study" in drawn:
        panels.append(bars(drawn["study"], "all", "Five models and their comparison", "Seconds"))
    if "growth" in drawn:
        panels.append(bars(drawn["growth"], "ESS/CPU s", "Effective draws of sd(week)", "Per CPU second of sampling"))
    if len(panels) == 2:
        panels = [panels[0] | panels[1]]
    if "scale" in drawn:
        panels.append(over_rows(drawn["scale"]))
    return panels[0] / panels[1] if len(panels) == 2 else panels[0]


def everything(path: Path, *, template: Path, output: Path) -> None:
    """Write ``README.md`` (from a template with markers) and ``figure.png``; print the tables.

    Parameters
    ----------
    path
        The results as CSV.
    template
        A README with markers.
    output
        Folder of what is written.
    """
    results = pd.read_csv(path, keep_default_na=False).astype({"value": float})
    text, drawn = template.read_text(), {}
    for part, rows in results.groupby("part", sort=False):
        content = shown(part, rows)
        text = fill(text, part, content)
        print(f"\n{part}\n\n{content}")
        drawn |= tables(part, rows)
    (output / "README.md").write_text(text)
    if drawn.keys() & {"study", "growth", "scale"}:
        plot, size = figure(drawn), p9.theme(figure_size=(7, 5 if "scale" in drawn else 2.2))
        sized = plot + size if isinstance(plot, p9.ggplot) else plot & size
        sized.save(output / "figure.png", dpi=300, verbose=False)
