"""A small study with results that were made up, not computed, and its report, whose cells run in this process."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

ROOT = Path(__file__).parents[3]
PRIORS = {"Intercept": "Normal(0, 1)", "b": "Normal(0, 1)", "sd": "Exponential(1)", "sigma": "Exponential(1)"}
WITHOUT_SLOPE = {name: prior for name, prior in PRIORS.items() if name != "b"}


def study_values(*, nouns: dict | None = None, say=lambda what: what) -> dict:
    """A config with every kind of thing that the report shows; ``say`` makes its titles, labels and other words."""
    figure = {"caption": say("Caption of a figure"), "alt": say("Text instead of the image")}
    return {
        "title": say("Study"),
        "text": "Some *words*.",
        "data": {
            "source": "a.csv",
            "outcome": "milk",
            "unit": "farm",
            "time": "year",
            "labels": {"milk": say("Yield"), "farm": say("Farm"), "year": say("Year")},
            **({"nouns": nouns} if nouns else {}),
        },
        "models": {
            "a": {"title": say("Means"), "formula": "milk ~ 1 + (1 | farm)", "priors": WITHOUT_SLOPE},
            "b": {"title": say("Growth"), "formula": "milk ~ 1 + year + (1 | farm)", "priors": PRIORS},
        },
        "comparisons": {"both": {"title": say("Which?"), "models": ["a", "b"], "bayes_factors": True}},
        "predictions": {
            "some": {"models": ["a"], "units": "all"},
            "new": {"models": ["b"], "new_units": 1, "at": {"year": [0]}, "quantities": ["predicted"]},
        },
        "figures": {
            "lines": {"kind": "trajectories", "title": say("Lines"), **figure},
            "eyes": {"kind": "half-eyes", "predictions": "some", "title": say("Eyes"), "section": "a", **figure},
            "newcomers": {"kind": "half-eyes", "predictions": "new", "title": say("Newcomers"), **figure},
        },
        "published": {"source": say("A book"), "folder": "published"},
    }


def write_results(directory: Path, values: dict, *, units=("7", "9"), say=lambda what: what) -> None:
    """Files of ``results/`` that the report reads; ids of units may be any text."""
    from partialpool.fit import store
    from partialpool.study.config import load

    study = load(values)
    for folder in (
        "data",
        "models",
        "checks",
        "comparison",
        "predictions",
        "figures",
        "tables/models",
        "report",
        "benchmarks/fit_model",
    ):
        (directory / "results" / folder).mkdir(parents=True)
    results = directory / "results"
    described = {"n": 5, "missing": 0, "mean": 1.5, "sd": 0.5, "q5.5": 1.0, "q94.5": 2.0, "histogram": "▁▇"}
    names = ("farm", "year", "milk", say("column"))
    pd.DataFrame([{"variable": name} | described for name in names]).to_csv(results / "data/summary.csv", index=False)
    # Model b has the first three of these rows, and the last has no outcome.
    farms = [units[0], units[0], units[1], units[1], units[1]]
    rows = pd.DataFrame({"row": range(5), "farm": farms, "milk": [1.0, 2.0, 3.0, 4.0, np.nan]})
    rows.attrs["notes"] = [say("text separated by semicolons")]
    rows.attrs["codes"] = {"year": [1, 2, 3]}
    rows.attrs["doubts"] = ["column milk: -99 stands in 1 row, far from all other values"]
    rows.to_parquet(results / "data/prepared.parquet")
    for model in study.models:
        _write_model(results / "models", model, study.spec(model), units, store)
        _write_checks(results / "checks", model, units)
    _write_tables(results, units)
    png = b"\x89PNG\r\n\x1a\n" + bytes(8) + (2100).to_bytes(4, "big") + bytes(50)
    for name in study.all_figures:
        (results / f"figures/{name}.png").write_bytes(png)
        (results / f"figures/{name}.svg").write_text("<svg/>")
    (results / "benchmarks/fit_model/a.tsv").write_text("s\tmax_rss\n1.5\t100.5\n")
    for table in ("all-models", *(f"models/{model}" for model in study.models)):
        for kind in ("csv", "tex", "docx"):
            (results / f"tables/{table}.{kind}").write_text("a table")
    (results / "report/methods.txt").write_text(f"{say('Sampled.')}\n\nCompared.\n")
    (results / "report/methods.bib").write_text("@article{a,\n}\n")


def _write_model(folder: Path, model: str, spec, units, store) -> None:
    gaussian = spec.family == "gaussian"
    scalars = ["Intercept", "1|farm_sigma", *(["sigma"] if gaussian else []), *(["year"] if model == "b" else [])]
    one = {name: (("chain", "draw"), np.zeros((2, 2))) for name in scalars}
    effects = {"1|farm": (("chain", "draw", "farm__factor_dim"), np.zeros((2, 2, len(units))))}
    attributes = {"family_parameters": "sigma" * gaussian, "link": "identity" if gaussian else "logit"}
    posterior = xr.Dataset({**one, **effects}, {"farm__factor_dim": list(units)}, attributes)
    farms = [units[0], units[0], units[1], units[1]][: 4 if model == "a" else 3]
    rows = xr.Dataset(
        {
            "farm": ("__obs__", farms),
            "row": ("__obs__", np.arange(len(farms))),
            "milk": ("__obs__", [1.0, 2.0, 3.0, 4.0][: len(farms)]),
            "year": ("__obs__", [0.0, 1.0, 0.0, np.nan][: len(farms)]),
        }
    )
    groups = {name: xr.Dataset() for name in store.GROUPS} | {"posterior": posterior, "constant_data": rows}
    tree = xr.DataTree.from_dict(groups)
    independent = {"sampling": "independent", "acceptance": 0.8, "pareto_k": 0.1}
    ran = independent if model == "a" else {"sampling": "nuts", "target_accept": 0.8}
    tree.attrs = {"engine": "marginal"} | ran
    store.save(tree, folder / f"{model}.nc", spec=spec, data_sha256="0" * 64)
    numbers = {"mean": 0.5, "sd": 0.125, "q2.5": 0.25, "q97.5": 0.75, "mcse_mean": 0.002, "mcse_sd": 0.002}
    numbers |= {"mcse_q2.5": 0.004, "mcse_q97.5": 0.004}
    numbers |= {"mcse_q2.5": 0.003, "mcse_q97.5": 0.003, "rhat": 1.0, "ess_bulk": 900.0, "ess_tail": 900.0}
    parameters = ["Intercept", *(["year"] if model == "b" else []), "sd(Intercept)", *(["sigma"] if gaussian else [])]
    parameters += [f"r_farm[{unit},Intercept]" for unit in units]
    summary = pd.DataFrame([{"parameter": name} | numbers for name in parameters])
    summary.to_csv(folder / f"{model}.summary.csv", index=False)
    sizes = {"quantity": ["R2(conditional)", "icc(farm)"], "at": ["", "year = 1"], "meaning": "outcome", "draws": 4}
    if not gaussian:
        sizes = {"quantity": ["exp(Intercept)", "exp(year)"], "at": "", "meaning": ["odds", "odds ratio"], "draws": 4}
    sizes |= dict.fromkeys(("mean", "sd", "q2.5", "q97.5", "mcse_mean", "mcse_q2.5", "mcse_q97.5"), 0.125)
    pd.DataFrame(sizes).to_csv(folder / f"{model}.variance.csv", index=False)
    where = f"r_farm[{units[0]},Intercept]"
    checks = {
        "rhat": {"value": 1.0, "threshold": 1.01, "passed": True, "where": where},
        "ess_bulk": {"value": 12.0, "threshold": 400, "passed": model == "a", "where": where},
        "ess_tail": {"value": 500.0, "threshold": 400, "passed": True, "where": where},
    }
    (folder / f"{model}.diagnostics.json").write_text(json.dumps(checks))


def _write_checks(folder: Path, model: str, units) -> None:
    edges = ("mean", "q2.5", "q17", "q25", "q50", "q75", "q83", "q97.5", "low", "high", "outside")
    outcome = dict.fromkeys(edges, 0.25) | {"lower": 0.0, "upper": np.nan, "impossible": 0.5, "data_sets": 9}
    beside = dict.fromkeys((f"prior_{edge}" for edge in edges), 0.5) | dict.fromkeys(edges, 0.25)
    statistic = {
        "observed": 1.0,
        "mean": 0.0,
        "sd": 0.5,
        "q2.5": -1.0,
        "q97.5": 0.9,
        "p": 0.01,
        "p_at_most": 0.99,
        "data_sets": 9,
    }
    shift = {"shift_weaker": 0.1, "shift_stronger": -0.2, "mcse_shift": 0.01, "psense": 0.07}
    moved = {
        "rows": 2,
        "elpd": -1.0,
        "pareto_k": 0.9,
        "parameter": "sigma",
        "mean": 1.0,
        "mean_without": 1.1,
        "sd": 0.2,
    }
    refit = {"estimate": 1.0, "refit": 1.1, "deviation_percent": -9.1, "mcse_sd": 0.01}
    columns = [*("point", "change", "parameter"), *refit, "deviation_sd"]
    tables = {
        "prior_predictive": [outcome],
        "prior_posterior": [{"parameter": name, "narrower": 2.0} | beside for name in ("(outcome)", "sigma")],
        "predictive": [{"statistic": name} | statistic for name in ("sd_between_units", "autocorrelation")],
        "loo_pit": [{"row": row, "unit": units[0], "pit": 0.5, "pareto_k": 0.8, "method": "psis"} for row in range(3)],
        "loo_pit_curve": [{"x": x, "difference": 0.2, "lower": -0.1, "upper": 0.1} for x in (0.25, 0.5)],
        "sensitivity": [
            {"parameter": "sigma", "component": component, "method": "importance weights", "pareto_k": 0.9} | shift
            for component in ("prior", "likelihood")
        ],
        "influence": [
            {"of": of, "label": label, "shift": 0.5, "method": "importance weights"} | moved
            for of, label in (("unit", units[0]), ("unit", units[1]), ("row", 1))
        ],
        # The refits of model b are missing, as those of a model that NUTS samples.
        "wambs": [
            {"point": point, "change": "another prior", "parameter": "sigma"} | refit | {"deviation_sd": -0.01 * point}
            for point in (3, 7, 8, 9)
            if model == "a"
        ],
        "calibration": [{"predicted": 0.5, "observed": 0.5, "low": 0.0, "high": 1.0}],
    }
    for name, rows in tables.items():
        table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
        table.to_csv(folder / f"{model}.{name}.csv", index=False)


def _write_tables(results: Path, units) -> None:
    columns = ("elpd_loo", "se_elpd_loo", "p_loo", "se_p_loo", "looic", "se_looic", "max_pareto_k")
    values = dict.fromkeys(columns, 0.5)
    evidence = {"log_evidence": 12.5, "mcse_log_evidence": 0.01}
    comparison = [
        {"model": model, "rank": rank, "elpd_diff": -10.0 * rank, "se_diff": 1.0 * rank, "n": 3}
        | values
        | evidence
        | block
        for block in (
            {"estimand": "observation", "method": "integrated", "bad_pareto_k": 0},
            {"estimand": "unit", "method": "kfold integrated", "bad_pareto_k": 1},
            {"estimand": "observation", "method": "psis", "bad_pareto_k": 0},
        )
        for rank, model in enumerate(("a", "b"))
    ]
    pd.DataFrame(comparison).to_csv(results / "comparison/both.csv", index=False)
    factors = [
        {"model": model, "priors": priors, "log_bayes_factor": factor, "mcse_log_bayes_factor": 0.01 * (model == "b")}
        | evidence
        for model, own in (("a", (0.0, 0.0, 0.0)), ("b", (-1.0, -3.0, 0.5)))
        for priors, factor in zip(("halved", "as configured", "doubled"), own, strict=True)
    ]
    pd.DataFrame(factors).to_csv(results / "comparison/both.bayes_factors.csv", index=False)
    pointwise = [
        {"model": model, "row": row, "elpd": -1.0, "pareto_k": 0.1, "method": "integrated"}
        | {"psis_elpd": -0.5, "psis_pareto_k": 0.8}
        for model in ("a", "b")
        for row in range(3)
    ]
    pd.DataFrame(pointwise).to_csv(results / "comparison/both.pointwise.csv", index=False)
    interval = {"mean": 1.0, "q2.5": 0.5, "q97.5": 1.5}
    some = [{"model": "a", "quantity": "expected", "id": unit} | interval for unit in units]
    pd.DataFrame(some).to_csv(results / "predictions/some.csv", index=False)
    new = [{"model": "b", "quantity": "predicted", "id": "new 1", "year": 0.0} | interval]
    pd.DataFrame(new).to_csv(results / "predictions/new.csv", index=False)
    published = {"published": "1.5", "ours": 1.5, "mcse": 0.1, "tolerance": 0.5}
    pd.DataFrame(
        [
            {"source": "loo", "model": "a", "quantity": "elpd_loo", "verdict": "differs"} | published,
            {"source": "posterior", "model": "a", "quantity": f"r_farm[{units[0]},Intercept]"}
            | {"verdict": "reproduced"}
            | published,
        ]
    ).to_csv(results / "published.csv", index=False)


def run_cells(values: dict, directory: Path, monkeypatch) -> dict:
    """The report's notebook with its outputs, its cells run here instead of in a kernel."""
    import IPython.display
    from partialpool.study.config import load

    shown: list = []
    monkeypatch.setattr(IPython.display, "display", lambda *what: shown.extend(what))
    monkeypatch.chdir(directory)
    notebook = json.loads((ROOT / "notebooks/report.ipynb").read_text(encoding="utf-8"))
    names: dict = {}
    for count, cell in enumerate(notebook["cells"]):
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
        if "parameters" in cell["metadata"].get("tags", []):
            names |= {"study": load(values).model_dump(mode="json"), "library": str(ROOT / "scripts")}
        cell["outputs"] = [
            {"output_type": "display_data", "data": {"text/html": what.data}, "metadata": {}} for what in shown
        ]
        cell["execution_count"] = count
        shown.clear()
    return notebook
