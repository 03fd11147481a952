"""The report: pieces of HTML that its notebook shows, and the page that is made of the executed notebook."""

import base64
import html
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

from partialpool.model import parameters
from partialpool.model.spec import ModelSpec
from partialpool.report import captions, equations
from partialpool.study.study import Study

# More rows than this are folded away under a line that can be clicked.
MOST_ROWS = 15
# Longer words than this may be broken over lines.
LONG_CELL = 40
CHECKS = {
    "rhat": "R-hat",
    "ess_bulk": "bulk ESS",
    "ess_tail": "tail ESS",
    "divergences": "divergent transitions",
    "ebfmi": "E-BFMI",
}


def table(frame: pd.DataFrame, caption: str = "", *, fold: str = "") -> str:
    """A table as HTML.

    Parameters
    ----------
    frame
        Cells are shown as they are: text, and numbers formatted by the caller.
    caption
        Above the table.
    fold
        If given and the table is long, the line under which it is folded away.
    """
    numeric = [_is_numeric(frame[column]) for column in frame]
    head = "".join(
        f'<th scope="col"{" class=num" if n else ""}>{html.escape(str(c))}</th>'
        for c, n in zip(frame.columns, numeric, strict=True)
    )
    body = "".join(
        f"<tr>{''.join(_cell(str(cell), n) for cell, n in zip(row, numeric, strict=True))}</tr>"
        for row in frame.itertuples(index=False)
    )
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    made = f'<div class="scroll"><table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    if fold and len(frame) > MOST_ROWS:
        return f"<details><summary>{html.escape(fold)} ({len(frame)} rows)</summary>{made}</details>"
    return made


def _cell(words: str, numeric: bool) -> str:
    look = " class=num" if numeric else " class=long" if len(words) > LONG_CELL else ""
    return f"<td{look}>{html.escape(words)}</td>"


def _is_numeric(column: pd.Series) -> bool:
    cells = column.astype(str).str.strip()
    return bool(cells.str.fullmatch(r"[-−+]?[\d.,]*(e[-+]?\d+)?( \([\d.]+\))?|nan|–").all())


def decimals(sd: float) -> int:
    """Decimals that show a number whose uncertainty is ``sd``: two digits of it."""
    return int(np.clip(np.ceil(-np.log10(sd)) + 1, 0, 8)) if sd > 0 else 3


def number(value: float, places: int) -> str:
    """A number with so many decimals; an en dash if there is none."""
    return "–" if pd.isna(value) else f"{value:z.{places}f}".replace("-", "−")


def estimates(summary: pd.DataFrame, truth: pd.Series | None = None) -> pd.DataFrame:
    """A model's summary, rounded as its posterior sd allows.

    Of simulated data ``truth`` has the values that they were drawn from, by parameter; they stand beside the estimates.
    """
    rows = []
    for r in summary.to_dict("records"):
        places = decimals(r["sd"])
        rows.append(
            {
                "parameter": r["parameter"],
                **({} if truth is None else {"truth": number(truth.get(r["parameter"], np.nan), places)}),
                **{name: number(r[name], places) for name in ("mean", "sd", "q2.5", "q97.5")},
                "R\N{NON-BREAKING HYPHEN}hat": number(r["rhat"], 3),
                "bulk ESS": number(r["ess_bulk"], 0),
                "tail ESS": number(r["ess_tail"], 0),
                "MCSE": number(r["mcse_mean"], decimals(r["mcse_mean"])),
            }
        )
    return pd.DataFrame(rows)


def is_unit_effect(name: str) -> bool:
    """Whether a parameter belongs to one member of a group: ``r_id[6,Intercept]``."""
    return re.match(r"r_[^\[]*\[", name) is not None


def figure(study: Study, name: str, folder: str | Path = "results/figures") -> str:
    """A figure with its caption, the image inside the page; whichever of SVG and PNG is smaller."""
    paths = [Path(folder, f"{name}.{suffix}") for suffix in ("svg", "png")]
    path = min(paths, key=lambda p: p.stat().st_size)
    kind = "svg+xml" if path.suffix == ".svg" else "png"
    content = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure id="figure-{html.escape(name)}"><div class="scroll"><img src="data:image/{kind};base64,{content}" '
        f'alt="{html.escape(captions.alt(study, name))}" class="{_width(paths[1])}"></div>'
        f"<figcaption><strong>{html.escape(_sentence(captions.figure_title(study, name)))}</strong> "
        f"{html.escape(captions.caption(study, name))}</figcaption></figure>"
    )


def _sentence(words: str) -> str:
    return words if words.endswith((".", "?", "!")) else f"{words}."


def _width(png: Path) -> str:
    """Whether a figure is made for one column or for the page, from the width in the PNG's header."""
    pixels = int.from_bytes(png.read_bytes()[16:20], "big")
    return "column" if pixels < 1500 else "page"


def formulas(spec: ModelSpec, tree) -> str:
    """A model as equations: level 1, level 2, priors."""
    rows = tree["constant_data"].to_dataset().to_dataframe()
    made = equations.of_model(spec, tree["posterior"].to_dataset(), rows)
    groups = (
        ("Level 1: measurement i of unit j", made.level1),
        ("Level 2: unit j", made.level2),
        ("Priors", made.priors),
    )
    parts = [
        f"<h5>{title}</h5>" + "".join(equations.mathml(line) for line in lines) for title, lines in groups if lines
    ]
    return f'<div class="equations"><p>Formula: <code>{html.escape(spec.formula)}</code></p>{"".join(parts)}</div>'


def checks(entries: dict[str, dict]) -> str:
    """The convergence checks of a model, a failed one to be seen at once."""
    failed = [name for name, entry in entries.items() if not entry["passed"]]
    items = []
    for name, entry in entries.items():
        bound = "at most" if name in ("rhat", "divergences") else "at least"
        value = entry["value"]
        shown = "not computable" if value is None else f"{value:.4g}"
        where = f" ({entry['where']})" if entry["where"] else ""
        mark = "✓" if entry["passed"] else "✗"
        items.append(
            f'<li class="{"passed" if entry["passed"] else "failed"}">{mark} {CHECKS[name]}: {shown}'
            f"{html.escape(where)}, should be {bound} {entry['threshold']:g}</li>"
        )
    if not failed:
        title = f"✓ All {len(entries)} convergence checks passed"
        return f'<details class="checks passed"><summary>{title}</summary><ul>{"".join(items)}</ul></details>'
    names = ", ".join(CHECKS[name] for name in failed)
    return (
        f'<div class="checks failed" role="alert"><p><strong>✗ Failed: {names}.</strong> The estimates of this model '
        f"are not to be relied on before this is mended.</p><ul>{''.join(items)}</ul></div>"
    )


def warning(words: str) -> str:
    """A paragraph that is to be seen."""
    return f'<div class="checks failed" role="note"><p>{words}</p></div>'


def compared(comparison: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """A comparison table with what the lecture prints, standard errors in parentheses, and Pareto k."""
    pairs = (("elpd_diff", "se_diff"), ("elpd_loo", "se_elpd_loo"), ("p_loo", "se_p_loo"), ("looic", "se_looic"))
    return pd.DataFrame(
        {
            "model": [f"{model} {titles[model]}" for model in comparison["model"]],
            **{
                f"{name} (se)": [
                    "–" if pd.isna(value) else f"{number(value, 1)} ({number(error, 1)})"
                    for value, error in zip(comparison[name], comparison[se], strict=True)
                ]
                for name, se in pairs
            },
            "largest k": [number(value, 2) for value in comparison["max_pareto_k"]],
            "k > 0.7": comparison["bad_pareto_k"].to_numpy(),
        }
    )


METHODS = {
    "integrated": "all coefficients integrated out",
    "psis": "plain Pareto-smoothed importance sampling",
    "kfold": "fits without folds of units",
}


def compared_blocks(comparison: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The comparisons of a table, each with a caption: new measurements, new units, and what plain PSIS says."""
    blocks, seen = [], set()
    for _, block in comparison.groupby((comparison["rank"] == 0).cumsum()):
        estimand = block["estimand"].iloc[0]
        methods = dict.fromkeys(word for words in block["method"] for word in words.split())
        how = ", ".join(METHODS.get(method, method.replace("_", " ")) for method in methods)
        if estimand in seen:
            title = "For readers of other software: the same by plain Pareto-smoothed importance sampling"
        elif estimand == "unit":
            title = f"A new unit: all measurements of a unit left out, {block['n'].iloc[0]} units; {how}"
        else:
            title = f"A new measurement of a known unit: {block['n'].iloc[0]} measurements left out one by one; {how}"
        seen.add(estimand)
        blocks.append((title, block))
    return blocks


def verdict(comparison: pd.DataFrame, titles: dict[str, str]) -> str:
    """One block of a comparison in words: which model predicts best, and which differ from it by more than chance."""
    best = comparison.iloc[0]
    whom = "new units" if best["estimand"] == "unit" else "new measurements of known units"
    sentences = []
    for other in comparison.iloc[1:].to_dict("records"):
        names = f"{titles[best['model']]} and {titles[other['model']]}"
        size = f"elpd differs by {number(-other['elpd_diff'], 1)}, standard error {number(other['se_diff'], 1)}"
        # Sivula, Magnusson & Vehtari (2020): below 4 the normal approximation of the difference cannot be trusted.
        if abs(other["elpd_diff"]) < 4 or abs(other["elpd_diff"]) < 2 * other["se_diff"]:
            sentences.append(f"{names} cannot be told apart by their predictions of {whom} ({size}).")
        else:
            sentences.append(f"{titles[best['model']]} predicts {whom} better than {titles[other['model']]} ({size}).")
    return " ".join(sentences)


def corrected(pointwise: pd.DataFrame, trees: dict, unit: str) -> str:
    """Where the trustworthy elpd differs from that of plain PSIS, by how much, and because of which units."""
    from partialpool.loo.pointwise import BAD_PARETO_K

    items = []
    for model, table in pointwise.groupby("model", sort=False):
        if (table["method"] == "psis").all() or table["psis_elpd"].isna().all():
            continue
        table = table.set_index("row")
        units = trees[model]["constant_data"].to_dataset().to_dataframe().set_index("row")[unit]
        excess = table["psis_elpd"] - table["elpd"]
        times = units.groupby(units).transform("size").loc[excess.index]
        bad = ~(table["psis_pareto_k"] <= BAD_PARETO_K)
        parts = [
            f"{number(excess[which].sum(), 1)} {where} ({which.sum()})"
            for where, which in (
                ("in measurements of units measured once", times == 1),
                ("of units measured twice", times == 2),
                ("of units measured more often", times > 2),
            )
            if which.any()
        ]
        largest = ", ".join(
            f"unit {html.escape(str(units[row]))}, row {row} ({number(excess[row], 2)})"
            for row in excess.abs().sort_values(ascending=False).index[:3]
        )
        items.append(
            f"<li><strong>{html.escape(model)}</strong>: {number(table['elpd'].sum(), 1)}, and plain PSIS says "
            f"{number(table['psis_elpd'].sum(), 1)}, a difference of {number(excess.sum(), 1)}. "
            f"Of this {', '.join(parts)}; {number(excess[bad].sum(), 1)} where its Pareto k is over "
            f"{BAD_PARETO_K} ({bad.sum()}). "
            f"Largest: {largest}.</li>"
        )
    if not items:
        return ""
    return (
        "<p>Plain importance sampling has no good draws for a unit without the measurement that is left out, if that "
        f"measurement is most of what is known of the unit. What it costs:</p><ul>{''.join(items)}</ul>"
    )


def described(summary: pd.DataFrame, labels: dict[str, str]) -> pd.DataFrame:
    """The summary of the data, rounded."""
    places = [decimals(sd / 10) if sd > 0 else 2 for sd in summary["sd"].fillna(0)]
    shown = pd.DataFrame(
        {
            "variable": [named(v, labels) for v in summary["variable"]],
            "n": summary["n"],
            "missing": summary["missing"],
        }
    )
    for column in ("mean", "sd", "q5.5", "q94.5"):
        shown[column] = [number(value, p) for value, p in zip(summary[column], places, strict=True)]
    return shown.rename(columns={"q5.5": "5.5 %", "q94.5": "94.5 %"}).assign(histogram=summary["histogram"].fillna(""))


def named(column: str, labels: dict[str, str]) -> str:
    """A column's label, with its own name behind if that is another."""
    label = labels.get(column, column)
    return label if label == column else f"{label} ({column})"


def sizes(trees: dict, titles: dict[str, str]) -> pd.DataFrame:
    """Number of parameters of each model by kind."""
    records = []
    for name, tree in trees.items():
        kinds = pd.Series([p.kind for p in parameters.of(tree["posterior"].to_dataset())]).value_counts()
        counts = {kind: int(kinds.get(kind, 0)) for kind in ("common", "sd", "cor", "family", "group")}
        records.append(
            {
                "model": f"{name} {titles[name]}",
                "common coefficients": counts["common"],
                "deviations": counts["group"],
                "sds and correlations": counts["sd"] + counts["cor"],
                "family": counts["family"],
                "in all": sum(counts.values()),
            }
        )
    return pd.DataFrame(records)


def folded(summary: str, pieces: list[str]) -> str:
    """Pieces under a line that can be clicked."""
    return f"<details><summary>{html.escape(summary)}</summary>{''.join(pieces)}</details>"


def predicted(table: pd.DataFrame, labels: dict[str, str]) -> pd.DataFrame:
    """A table of predictions, rounded to what their intervals allow."""
    places = [decimals((high - low) / 4) for low, high in zip(table["q2.5"], table["q97.5"], strict=True)]
    shown = table.copy()
    for column in ("mean", "q2.5", "q97.5"):
        shown[column] = [number(value, p) for value, p in zip(table[column], places, strict=True)]
    return shown.rename(columns={"id": "unit", **labels})


def unreliable(block: pd.DataFrame) -> str:
    """What Pareto k over 0.7 means, for one block of a comparison; empty if there is none."""
    from partialpool.loo.pointwise import BAD_PARETO_K

    bad = block[block["bad_pareto_k"] > 0]
    if bad.empty:
        return ""
    counts = ", ".join(f"{r.bad_pareto_k} of {r.n} in {r.model}" for r in bad.itertuples())
    return f"Pareto k is over {BAD_PARETO_K} for {counts}: these values of elpd have no trustworthy Monte Carlo error."


def published_text(table: pd.DataFrame, source: str) -> str:
    """What the check against print found, in words."""
    counts = table["verdict"].value_counts()
    found = ", ".join(f"{counts[v]} *{v}*" for v in ("reproduced", "differs", "unreliable", "sampler") if v in counts)
    text = f"""## Our numbers and the printed ones

Every number of {source}, {len(table)} in all, beside ours: {found}. A number is *reproduced* if the two differ by no
more than half a unit of the last printed digit and four combined Monte Carlo standard errors of the two runs; numbers
that follow from the data alone have no Monte Carlo error. *Unreliable* are values of leave-one-out cross-validation
with Pareto k over 0.7, for which no such error can be given. *Sampler* marks R-hat and effective sample sizes: they
describe one run of one sampler, and another run has its own."""
    if "differs" in counts:
        text += f"\n\n**{counts['differs']} numbers differ** by more than that."
    return text


def published_tables(numbers: pd.DataFrame) -> list[str]:
    """Tables of the check against print: what differs, cross-validation, and the rest folded away."""
    shown = numbers.assign(
        ours=[
            number(ours, len(str(p).partition(".")[2]) + 1)
            for p, ours in zip(numbers["published"], numbers["ours"], strict=True)
        ],
        mcse=[number(m, decimals(m)) if m > 0 else ("–" if pd.isna(m) else "0") for m in numbers["mcse"]],
        tolerance=[number(t, decimals(t)) for t in numbers["tolerance"]],
        model=numbers["model"].fillna(""),
        published=numbers["published"].str.replace("-", "−"),
    )
    made = []
    if (differs := shown[shown["verdict"] == "differs"]).size:
        made.append(table(differs, "Numbers that differ"))
    loo = shown[shown["source"] == "loo"]
    if loo.size:
        made.append(table(loo.drop(columns="source"), "Leave-one-out cross-validation"))
    rest = shown[(shown["source"] != "loo") & (shown["verdict"] != "differs")]
    made.append(table(rest, fold="All other numbers"))
    return made


def provenance(study: Study, trees: dict) -> pd.DataFrame:
    """Checksum of the data, versions, seeds and samplers behind the fits."""
    attributes = {name: tree.attrs for name, tree in trees.items()}
    checksums = sorted({entry["data_sha256"] for entry in attributes.values()})
    versions = sorted({entry["versions"] for entry in attributes.values()})
    data = study.data.source or "simulated from known parameters"
    pinned = "verified" if study.data.sha256 else "not pinned in the config"
    rows = [
        ("Data", data),
        (
            "Data checksum (sha256)",
            f"{', '.join(checksums)} ({pinned})" if study.data.source else ", ".join(checksums),
        ),
    ]
    rows += [("Versions", ", ".join(f"{k} {v}" for k, v in json.loads(found).items())) for found in versions]
    for name, found in attributes.items():
        sampling = study.sampling_of(name)
        over = "the scales, all coefficients integrated out" if found["engine"] == "marginal" else "all parameters"
        rows.append(
            (
                f"Sampling of {name}",
                f"NUTS ({sampling.sampler}) over {over}; {sampling.chains} chains, {sampling.warmup} warmup iterations "
                f"and {sampling.draws} draws each, target_accept {found['target_accept']:g}, seed {sampling.seed}",
            )
        )
    return pd.DataFrame(rows, columns=["what", "value"])


def run_times(folder: str | Path = "results/benchmarks") -> pd.DataFrame:
    """Wall time and peak memory of every rule, from Snakemake's benchmarks."""
    rows = []
    for path in sorted(Path(folder).rglob("*.tsv")):
        record = pd.read_csv(path, sep="\t").iloc[0]
        rows.append(
            {
                "rule": path.parent.name,
                "seconds": record["s"],
                "MiB": pd.to_numeric(record["max_rss"], errors="coerce"),
            }
        )
    if not rows:
        return pd.DataFrame(columns=["rule", "jobs", "seconds in all", "peak memory, MiB"])
    grouped = pd.DataFrame(rows).groupby("rule", sort=False)
    return pd.DataFrame(
        {
            "rule": list(grouped.groups),
            "jobs": grouped.size().to_numpy(),
            "seconds in all": [number(value, 0) for value in grouped["seconds"].sum()],
            "peak memory, MiB": [number(value, 0) for value in grouped["MiB"].max()],
        }
    )


def read_json(path: str | Path) -> dict:
    """A JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))
