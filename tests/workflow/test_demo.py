"""The demo, end to end: every file of the contract, and what a change makes run again."""

import json
import re
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml

CSV = {
    "data/summary.csv": "variable,n,missing,mean,sd,q5.5,q94.5,histogram",
    "models/m71.5.summary.csv": "parameter,mean,sd,q2.5,q97.5,rhat,ess_bulk,ess_tail,mcse_mean,mcse_sd,"
    "mcse_q2.5,mcse_q97.5",
    "models/m71.3.variance.csv": "quantity,at,meaning,mean,sd,q2.5,q97.5,mcse_mean,mcse_q2.5,mcse_q97.5,draws",
    "comparison/pooling.csv": "model,rank,elpd_loo,se_elpd_loo,p_loo,looic,elpd_diff,se_diff,estimand,method,"
    "max_pareto_k,bad_pareto_k,n,se_p_loo,se_looic,mcse_elpd_loo,mcse_se_elpd_loo,mcse_p_loo,mcse_se_p_loo,"
    "mcse_elpd_diff,mcse_se_diff,log_evidence,mcse_log_evidence",
    "comparison/growth.pointwise.csv": "model,row,elpd,pareto_k,method,psis_elpd,psis_pareto_k",
    "comparison/growth.units.csv": "model,unit,elpd,pareto_k,method",
    "predictions/known-people.csv": "model,quantity,id,mean,q2.5,q97.5",
    "predictions/group-trajectories.csv": "model,quantity,id,mean,q2.5,q97.5,group,week",
}


def test_every_table_has_the_columns_of_the_contract(demo):
    documented = (demo.root / "docs/results.md").read_text()
    for file, columns in CSV.items():
        assert (demo.directory / "results" / file).read_text().splitlines()[0] == columns, file
        # The covariates at the end depend on the study.
        assert f"`{columns.removesuffix(',group,week')}`" in documented, file


def test_every_model_has_its_parameters_under_the_names_an_r_user_looks_for(demo):
    results = demo.directory / "results"
    units = pd.read_csv(results / "data/raw.csv").dropna()["id"].unique()
    names = set(pd.read_csv(results / "models/m71.5.summary.csv")["parameter"])
    population = {"Intercept", "week", "sd(Intercept)", "sd(week)", "cor(Intercept,week)", "sigma"}
    assert names == population | {f"r_id[{i},{c}]" for i in units for c in ("Intercept", "week")}
    assert {"group[CTRL]", "group[PD]"} < set(pd.read_csv(results / "models/m71.4.summary.csv")["parameter"])
    assert f"id[{units[0]}]" in set(pd.read_csv(results / "models/m71.1.summary.csv")["parameter"])


def test_every_fit_keeps_what_it_was_made_from(demo):
    import xarray as xr

    for model in yaml.safe_load(demo.config.read_text())["models"]:
        with xr.open_datatree(demo.directory / f"results/models/{model}.nc", engine="h5netcdf") as tree:
            assert set(tree.children) == {
                "posterior",
                "sample_stats",
                "log_likelihood",
                "posterior_predictive",
                "observed_data",
                "constant_data",
            }
            assert json.loads(tree.attrs["spec"])["formula"].startswith("con ~")
            assert {"data_sha256", "versions", "seed"} < set(tree.attrs)
            sampling = tree.attrs["sampling"]
            assert {"row", "con", "id"} <= set(tree["constant_data"].data_vars)
            assert tree["posterior"].sizes["chain"] == 4
            assert tree["posterior"].sizes["draw"] == 60
        checks = json.loads((demo.directory / f"results/models/{model}.diagnostics.json").read_text())
        of_sampler = {"independent": {"pareto_k", "acceptance"}, "nuts": {"divergences", "ebfmi"}}[sampling]
        evidence = checks.pop("log_evidence", None)
        assert set(checks) == {"rhat", "ess_bulk", "ess_tail"} | of_sampler
        assert all({"value", "threshold", "passed"} <= set(entry) for entry in checks.values())
        assert evidence is None or set(evidence) == {"value", "mcse"}


def test_every_figure_is_there_as_png_and_svg(demo):
    config = yaml.safe_load(demo.config.read_text())
    names = set(config["figures"])
    kinds = ("coefficients", "effects", "prior", "ppc", "pit", "sensitivity", "influence", "diagnostics")
    names |= {f"{kind}-{model}" for kind in kinds for model in config["models"]}
    names |= {f"conditional-{model}" for model, entry in config["models"].items() if "week" in entry["formula"]}
    names |= {f"{kind}-{name}" for kind in ("comparison", "estimates") for name in config["comparisons"]}
    made = {path.name for path in (demo.directory / "results/figures").iterdir()}
    assert made == {f"{name}.{suffix}" for name in names for suffix in ("png", "svg")}


def test_every_rule_that_ran_has_a_log_and_a_benchmark(demo):
    results = demo.directory / "results"
    rules = {path.name for path in (results / "benchmarks").iterdir()}
    assert rules == {path.name for path in (results / "logs").iterdir()}
    assert {"fetch_data", "fit_model", "render_report"} < rules


def test_models_of_one_comparison_have_the_same_rows_and_none_without_time(demo):
    results = demo.directory / "results"
    raw = pd.read_csv(results / "data/raw.csv")
    pointwise = pd.read_csv(results / "comparison/growth.pointwise.csv")
    timed = set(raw.index[raw["week"].notna()])
    assert len(raw) - len(timed) == 3
    assert all(set(rows) == timed for _, rows in pointwise.groupby("model")["row"])


def test_estimates_are_near_the_truth(demo):
    """Each parameter of m71.5 within 4.5 posterior standard deviations of the value that the data were drawn from."""
    results = demo.directory / "results"
    truth = pd.read_csv(results / "data/truth.csv", index_col="parameter")["value"]
    summary = pd.read_csv(results / "models/m71.5.summary.csv", index_col="parameter")
    # The model has one intercept, the data have one a group: truth has the mean over units as `Intercept`.
    both = summary.join(truth, how="inner")
    units = both.index.str.startswith("r_")
    # A unit's deviation in the truth is from the group's intercept, in the model from the common one.
    distance = ((both["mean"] - both["value"]) / both["sd"])[~units]
    assert len(distance) == 6
    assert distance.abs().max() < 4.5


# What a change makes run again. Each test puts back what it changed.


def test_a_run_says_what_it_will_do_and_where_the_report_is(demo):
    models = yaml.safe_load(demo.config.read_text())["models"]
    assert f"{len(models)} fits to make ({', '.join(models)}); {demo.jobs} jobs, at least about " in demo.said
    assert demo.said.rindex("The report: ") > demo.said.rindex("(100%) done")
    assert Path(demo.said.partition("The report: ")[2].splitlines()[0]).samefile(
        demo.directory / "results/report/report.html"
    )


def test_without_a_terminal_there_are_no_control_characters(demo):
    assert not re.findall(r"[\x00-\x09\x0b-\x1f\x7f]", demo.said)


def test_a_second_run_has_nothing_to_do(demo):
    assert demo.planned() == {}


def test_a_title_refits_nothing(demo):
    before = demo.edit(lambda config: config["models"]["m71.3"].update(title="Another title"))
    planned = demo.planned()
    demo.config.write_text(before)
    assert planned
    assert not {"fit_model", "summarise_models", "compare_models", "predict_values"} & set(planned)


def test_a_prior_refits_its_own_model_only(demo):
    before = demo.edit(lambda config: config["models"]["m71.3"]["priors"].update(b="Normal(0, 2)"))
    planned = demo.planned()
    demo.config.write_text(before)
    assert planned["fit_model"] == planned["summarise_models"] == 1
    # growth and time-trajectories show m71.3, the other comparison and predictions do not.
    assert planned["compare_models"] == planned["predict_values"] == 1


@pytest.mark.parametrize(
    ("modules", "rules"),
    [
        ("checks/influence", {"check_models", "draw_checks", "render_report"}),
        *(
            pytest.param(modules, rules, marks=pytest.mark.slow)
            for modules, rules in {
                "figures/units": {"draw_figures", "render_report"},
                "figures/diagnostics": {"draw_models", "render_report"},
                "loo/compare": {"compare_models", "draw_figures", "write_paper", "render_report"},
                "report/paper_files": {"write_paper", "render_report"},
                "audit/published jobs/progress jobs/job errors": set(),
            }.items()
        ),
    ],
)
def test_changed_code_runs_what_runs_it(demo, modules, rules):
    paths = [demo.root / f"scripts/partialpool/{module}.py" for module in modules.split()]
    before = {path: path.read_text() for path in paths}
    for path, text in before.items():
        path.write_text(text + "\nCHANGED = True\n")
    planned = demo.planned()
    for path, text in before.items():
        path.write_text(text)
    assert set(planned) == rules


@pytest.mark.slow
def test_a_comment_runs_nothing(demo):
    for module in ("fit/fit", "model/build", "fit/store"):
        path = demo.root / f"scripts/partialpool/{module}.py"
        path.write_text(path.read_text() + "\n# A comment.\n")
    script = demo.root / "scripts/fit_model.py"
    script.write_text("# Another.\n" + script.read_text())
    assert demo.planned() == {}


@pytest.mark.slow
def test_other_words_of_figures_and_of_the_report_draw_nothing(demo):
    def reword(config):
        for figure in config["figures"].values():
            figure |= {"title": "Another", "caption": "Another.", "alt": "Another text."}
        for entry in (config, *config["models"].values(), *config["comparisons"].values()):
            entry["text"] = "Another text."
        config["report"] = {"sections": {"why": {"title": "Why?"}}, "order": ["why"], "hide": ["sizes"]}
        config["guidelines"] = {"goals": "To show how it is done."}

    before = demo.edit(reword)
    planned = demo.planned()
    demo.config.write_text(before)
    assert set(planned) == {"render_report"}


@pytest.mark.slow
def test_bayes_factors_repeat_no_cross_validation(demo):
    before = demo.edit(lambda config: config["comparisons"]["pooling"].update(bayes_factors=True))
    planned = demo.planned()
    demo.config.write_text(before)
    assert planned == {"compute_bayes_factors": 1, "render_report": 1}


def test_a_deleted_figure_is_made_again(demo):
    names = ("shrinkage", "comparison-growth", "ppc-m71.2", "estimates-growth")
    figures = [demo.directory / f"results/figures/{name}.svg" for name in names]
    kept = [path.rename(path.with_suffix(".kept")) for path in figures]
    said = demo.snakemake("--dry-run").stdout
    for path in kept:
        path.rename(path.with_suffix(".svg"))
    missing = ", ".join(re.findall(r"Reason: Missing output files: (.*)", said)).split(", ")
    assert {f"results/figures/{name}.svg" for name in names} == {name for name in missing if name.endswith(".svg")}
    assert "fit_model" not in said.partition("Job stats:")[2].partition("total")[0]


@pytest.mark.parametrize(
    ("deleted", "rule"),
    [
        ("models/m71.1.nc", "fit_model"),
        pytest.param("tables/all-models.docx", "write_paper", marks=pytest.mark.slow),
    ],
)
def test_a_deleted_fit_or_table_is_made_again(demo, deleted, rule):
    path = demo.directory / "results" / deleted
    kept = path.rename(path.with_suffix(".kept"))
    planned = demo.planned()
    kept.rename(path)
    assert planned[rule] == 1


@pytest.mark.slow
def test_snakemakes_own_report(demo):
    demo.snakemake("--report", str(demo.root / "report.zip"))
    with zipfile.ZipFile(demo.root / "report.zip") as archive:
        text = " ".join(archive.read(name).decode(errors="ignore") for name in archive.namelist())
    for word in ("Models", "Comparisons", "Figures", "95 % equal-tailed", "leave-one-out"):
        assert word in text, word
