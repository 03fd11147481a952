import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml
from partialpool.audit import published
from partialpool.audit.published import COLUMNS, QUANTILE_FACTOR, Fit, Z, check_files, half_unit
from partialpool.data.printed import FILES, NAMES, read
from partialpool.errors import StudyError
from partialpool.fit import store
from partialpool.loo.compare import compare
from partialpool.loo.pointwise import PointwiseElpd
from partialpool.loo.psis import of_fit

CONFIG = Path(__file__).parents[3] / "config"
RENAME = yaml.safe_load((CONFIG / "config.yaml").read_text())["published"]["rename"]


@pytest.fixture
def printed():
    return read(CONFIG / "published")


def pointwise(elpd, se_elpd, p_loo, se_p_loo, pattern, *, n=219, pareto_k=0.1, mcse=0.0):
    """Values for n rows with these sums and standard errors; `pattern` has mean 0 and variance 1."""

    def spread(total, se):
        return total / n + se / np.sqrt(n) * pattern

    # What four batches of draws add to each row.
    batches = np.outer(np.full(n, mcse), [0, 1, 0, -1])
    return PointwiseElpd(
        labels=np.arange(n),
        elpd=spread(elpd, se_elpd),
        pareto_k=np.full(n, pareto_k),
        p_loo=spread(p_loo, se_p_loo),
        mcse=np.full(n, mcse),
        method=np.full(n, "psis", dtype=object),
        elpd_batches=batches,
        p_loo_batches=batches,
    )


def patterns(n=219, correlation=0.844):
    """Two patterns of n numbers with mean 0, variance 1 (ddof 1) and this correlation."""
    numbers = np.random.default_rng(1).normal(size=(n, 2))
    u, v = (np.linalg.qr(numbers - numbers.mean(axis=0))[0] * np.sqrt(n - 1)).T
    return u, correlation * u + np.sqrt(1 - correlation**2) * v


def loo(models):
    return compare(models, estimand="observation")


def results(printed, mcse=0.0, pareto_k=None):
    """Results that equal the printed numbers, as arguments of `check`; `pareto_k` by model."""
    pareto_k = pareto_k or {}
    posterior, predictions = printed["posterior"].copy(), printed["predictions"].copy()
    posterior["parameter"] = posterior["parameter"].replace(RENAME, regex=True)
    ours = {"estimate": "mean", "est_error": "sd", "bulk_ess": "ess_bulk", "tail_ess": "ess_tail"}
    fits = {}
    for model, sizes in printed["sizes"].set_index("model").astype(int).to_dict("index").items():
        table = posterior[posterior["model"] == model].drop(columns="model").set_index("parameter").astype(float)
        fits[model] = Fit(
            summary=table.rename(columns=ours).assign(
                **{f"mcse_{quantity}": mcse for quantity in ("mean", "sd", "q2.5", "q97.5")}
            ),
            sizes=sizes,
        )
    numbers = ["mean", "q2.5", "q97.5"]
    predictions[numbers] = predictions[numbers].astype(float)
    predictions[[f"mcse_{name}" for name in numbers]] = mcse
    data_summary = printed["precis"].set_index("variable").astype(float).reset_index()
    u, v = patterns()
    return {
        "fits": fits,
        "rename": RENAME,
        "data_summary": data_summary,
        "predictions": predictions,
        # Of all numbers that round to those printed, some for which the printed sums and doubles hold too.
        "loo": loo(
            {
                "m71.2": pointwise(314.46, 11.0, 63.9, 5.1, u, mcse=mcse, pareto_k=pareto_k.get("m71.2", 0.1)),
                "m71.1": pointwise(297.36, 9.24, 83.6, 5.2, v, mcse=mcse, pareto_k=pareto_k.get("m71.1", 0.1)),
            }
        ),
    }


def shift(table, digits_off):
    """The same table with every number moved by so many units in its last digit."""

    def moved(text):
        digits = len(text.partition(".")[2])
        return f"{float(text) + digits_off * 10.0**-digits:.{digits}f}"

    names = [column for column in table if column in NAMES]
    return table.set_index(names).map(moved).reset_index()


def check_alone(printed, **ours):
    """`check` of one table, with nothing but what it needs."""
    nothing = {"fits": {}, "rename": {}, "data_summary": pd.DataFrame(), "predictions": pd.DataFrame(), "loo": None}
    return published.check(printed, **nothing | ours)


# ------------------------------------------------------------------------------------- the printed numbers


def test_every_printed_number_appears_exactly_once(printed):
    table = published.check(printed, **results(printed))
    assert list(table.columns) == COLUMNS
    assert not table.duplicated(["source", "model", "quantity"]).any()
    for source, cells in printed.items():
        numbers = cells.drop(columns=list(NAMES), errors="ignore").to_numpy().ravel()
        assert sorted(table.loc[table["source"] == source, "published"]) == sorted(numbers), source
    assert set(table["source"]) == set(printed) == set(FILES)


def test_results_that_equal_the_printed_numbers_reproduce_them(printed):
    table = published.check(printed, **results(printed))
    sampler = table["quantity"].str.contains(r" (?:rhat|bulk_ess|tail_ess)$")
    assert sampler.sum() == 3 * len(printed["posterior"])
    assert set(table.loc[sampler, "verdict"]) == {"sampler"}
    assert set(table.loc[~sampler, "verdict"]) == {"reproduced"}
    assert table.loc[sampler, ["mcse", "tolerance"]].isna().all(axis=None)
    assert table.loc[~sampler, ["mcse", "tolerance"]].notna().all(axis=None)


@pytest.mark.parametrize("digits_off", [200, -200])
@pytest.mark.parametrize("source", FILES)
def test_numbers_of_one_table_that_differ_are_found_there_and_only_there(printed, source, digits_off):
    ours = results(printed)
    table = published.check(printed | {source: shift(printed[source], digits_off)}, **ours)
    judged = table[table["verdict"] != "sampler"]
    assert set(judged.loc[judged["source"] == source, "verdict"]) == {"differs"}
    assert set(judged.loc[judged["source"] != source, "verdict"]) == {"reproduced"}


@pytest.mark.parametrize(
    ("column", "quantity"), [("mean", "estimate"), ("sd", "est_error"), ("q2.5", "q2.5"), ("q97.5", "q97.5")]
)
def test_one_estimate_that_differs_is_the_only_one(printed, column, quantity):
    ours = results(printed)
    ours["fits"]["m71.2"].summary.loc["Intercept", column] += 0.1
    table = published.check(printed, **ours)
    differs = table[table["verdict"] == "differs"]
    assert differs[["source", "model", "quantity"]].to_numpy().tolist() == [
        ["posterior", "m71.2", f"Intercept {quantity}"]
    ]
    assert differs["ours"].item() == pytest.approx(float(differs["published"].item()) + 0.1)


def test_sizes_and_data_have_no_monte_carlo_error(printed):
    table = published.check(printed, **results(printed, mcse=1.0))
    assert set(table.loc[table["source"].isin(["sizes", "precis"]), "mcse"]) == {0}
    assert (table.loc[table["source"].isin(["sizes", "precis"]), "tolerance"] <= 0.5).all()


# ------------------------------------------------------------------------------------- tolerance


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("216", 0.5),
        ("216.", 0.5),
        ("-17", 0.5),
        ("0.0", 0.05),
        ("-628.9", 0.05),
        ("0.19", 0.005),
        ("-0.00", 0.005),
        (".19", 0.005),
        ("1.00", 0.005),
        ("0.0935", 0.00005),
        ("119.9954338", 0.00000005),
        ("1e-3", 0.0005),
        ("1.2e-3", 0.00005),
        ("-1.25E+02", 0.5),
    ],
)
def test_half_unit_is_half_of_the_last_printed_digit(text, expected):
    assert half_unit(text) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "ours", "mcse", "verdict"),
    [
        ("0.5", 0.55, 0.0, "reproduced"),
        ("0.19", 0.195, 0.0, "reproduced"),
        ("0.19", 0.185, 0.0, "reproduced"),
        ("0.19", 0.19500001, 0.0, "differs"),
        ("0.19", 0.18499999, 0.0, "differs"),
        ("-0.00", -0.005, 0.0, "reproduced"),
        ("-0.00", 0.0051, 0.0, "differs"),
        ("216", 216.5, 0.0, "reproduced"),
        ("216", 217, 0.0, "differs"),
        ("0.19", 0.195 + 4 * 0.01, 0.01, "reproduced"),
        ("0.19", 0.195 + 4 * 0.01001, 0.01, "differs"),
        ("0.19", np.nan, 0.01, "differs"),
    ],
)
def test_rounding_and_four_monte_carlo_errors_are_tolerated(text, ours, mcse, verdict):
    row = published._row("s", "m", "q", text, ours, mcse)
    assert row["verdict"] == verdict
    assert row["tolerance"] == half_unit(text) + 4 * mcse


def test_posterior_errors_combine_both_runs(printed):
    ours = results(printed)
    fit = ours["fits"]["m71.2"]
    columns = ["sd", "ess_bulk", "mcse_mean", "mcse_sd", "mcse_q2.5", "mcse_q97.5"]
    fit.summary.loc["sigma", columns] = 0.003, 800.0, 1e-4, 2e-4, 3e-4, 4e-4
    theirs = printed["posterior"].query("model == 'm71.2' and parameter == 'sigma'").iloc[0]
    bulk, tail = int(theirs["bulk_ess"]), int(theirs["tail_ess"])
    quantile = 2.671 * 0.003 / np.sqrt(tail)
    expected = {
        "estimate": np.hypot(1e-4, 0.003 / np.sqrt(bulk)),
        "est_error": np.hypot(2e-4, 2e-4 * np.sqrt(800 / bulk)),
        "q2.5": np.hypot(3e-4, quantile),
        "q97.5": np.hypot(4e-4, quantile),
    }
    table = published.check({"posterior": printed["posterior"]}, **ours).set_index(["model", "quantity"])
    for quantity, mcse in expected.items():
        # 2.671 has four digits.
        assert table.loc[("m71.2", f"sigma {quantity}"), "mcse"] == pytest.approx(mcse, rel=1e-3)


def test_prediction_errors_combine_both_runs(printed):
    ours = results(printed)
    numbers = ["mean", "q2.5", "q97.5"]
    ours["predictions"][[f"mcse_{name}" for name in numbers]] = [1e-3, 2e-3, 3e-3]
    table = published.check({"predictions": printed["predictions"]}, **ours)
    # Predicted, unit 146: 4000 draws, sd a quarter of the width of a normal 95 % interval.
    sd = (0.311 - 0.0935) / (2 * 1.96)
    theirs = np.array([1, 2.671, 2.671]) * sd / np.sqrt(4000)
    expected = np.hypot([1e-3, 2e-3, 3e-3], theirs)
    np.testing.assert_allclose(table["mcse"].tail(3), expected, rtol=1e-3)


def test_quantile_factor_is_the_spread_of_simulated_quantiles():
    repetitions, n = 4000, 1000
    draws = np.random.default_rng(1).normal(size=(repetitions, n))
    for p in (0.025, 0.975):
        spread = np.quantile(draws, p, axis=1).std(ddof=1) * np.sqrt(n)
        # A standard deviation of 4000 values has a standard error of 1 / sqrt(8000) of it.
        assert abs(spread / QUANTILE_FACTOR - 1) < 4 / np.sqrt(2 * repetitions)


# ------------------------------------------------------------------------------------- LOO


def test_loo_errors_combine_both_runs_and_the_best_model_differs_from_itself_by_nothing(printed):
    ours = results(printed, mcse=0.01)
    table = published.check({"loo": printed["loo"]}, **ours).set_index(["model", "quantity"])
    claimed = ours["loo"].set_index("model")
    for model, quantity in table.index:
        mcse = claimed.loc[model, f"mcse_{quantity.replace('looic', 'elpd_loo')}"] * (2 if "looic" in quantity else 1)
        assert table.loc[(model, quantity), "mcse"] == pytest.approx(np.sqrt(2) * mcse, rel=1e-12)
    assert (table.loc["m71.2"].loc[["elpd_diff", "se_diff"], "mcse"] == 0).all()
    assert table.loc[("m71.1", "elpd_diff"), "mcse"] > 0
    # Four batches, of which one adds 0.01 a row and another takes as much away.
    error = np.sqrt(4 * np.var([0, 2.19, 0, -2.19], ddof=1))
    assert table.loc[("m71.1", "looic"), "mcse"] == pytest.approx(np.sqrt(2) * 2 * error, rel=1e-6)


@pytest.mark.parametrize("bad_k", [np.nextafter(0.7, 1), np.inf])
@pytest.mark.parametrize("bad_model", ["m71.1", "m71.2"])
def test_loo_with_a_bad_pareto_k_is_unreliable(printed, bad_model, bad_k):
    pareto_k = np.full(219, 0.1)
    pareto_k[7] = bad_k
    table = published.check({"loo": printed["loo"]}, **results(printed, pareto_k={bad_model: pareto_k}))
    difference = table["quantity"].isin(["elpd_diff", "se_diff"])
    # A difference takes two models; that of the best (m71.2) to itself is zero.
    unreliable = (table["model"] == bad_model) & ~difference | (table["model"] == "m71.1") & difference
    assert set(table.loc[unreliable, "verdict"]) == {"unreliable"}
    assert set(table.loc[~unreliable, "verdict"]) == {"reproduced"}
    assert table.loc[unreliable, ["mcse", "tolerance"]].isna().all(axis=None)
    assert table["ours"].notna().all()


def test_a_pareto_k_at_the_limit_is_reliable(printed):
    ours = results(printed, pareto_k={"m71.1": 0.7, "m71.2": 0.7})
    assert set(published.check({"loo": printed["loo"]}, **ours)["verdict"]) == {"reproduced"}


# ------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("rename", "name", "ours"),
    [
        ({r"a_id\.f(\d+)": r"id[\1]"}, "a_id.f6", "id[6]"),
        ({"group(CTRL|PD)": r"group[\1]"}, "groupPD", "group[PD]"),
        ({"b_(.*)": r"\1"}, "b_week", "week"),
        ({"b_(?P<what>.*)": r"\g<what>"}, "b_week", "week"),
        ({"b_(.*)": r"\1", "week": "never"}, "b_week", "week"),
        ({"eek": "never", "(?i)WEEK": "week"}, "week", "week"),
        ({"b_week|week|w": "never"}, "week.1", "week.1"),
        ({}, "week", "week"),
    ],
)
def test_the_first_pattern_that_matches_a_whole_name_renames_it(printed, rename, name, ours):
    record = printed["posterior"].query("model == 'm71.3' and parameter == 'week'").assign(parameter=name)
    fit = results(printed)["fits"]["m71.3"]
    fit.summary = fit.summary.rename({"week": ours})
    table = check_alone({"posterior": record}, fits={"m71.3": fit}, rename=rename)
    assert table["quantity"].tolist()[0] == f"{ours} estimate"


@pytest.mark.parametrize(
    ("source", "column", "message"),
    [
        ("sizes", "model", "sizes.csv: no model 'nowhere' among ours: m71.1, m71.2, m71.3, m71.4, m71.5."),
        ("precis", "variable", "precis.csv: no variable 'nowhere' among ours: id, week, wave, con, dan."),
        ("posterior", "model", "posterior.csv: no model 'nowhere' among ours: m71.1,"),
        ("posterior", "parameter", "posterior.csv: no parameter 'nowhere' among ours: sd(Intercept), sd(week)"),
        ("predictions", "model", "no prediction 'nowhere predicted 146' among ours: m71.2 expected"),
        ("predictions", "id", "predictions.csv: no prediction 'm71.2 predicted nowhere' among ours"),
        ("loo", "model", "loo.csv: no compared model 'nowhere' among ours: m71.2, m71.1."),
    ],
)
def test_a_printed_name_that_is_none_of_ours_is_an_error_that_lists_ours(printed, source, column, message):
    ours = results(printed)
    table = printed[source].copy()
    table.loc[table.index[-1], column] = "nowhere"
    with pytest.raises(StudyError, match=re.escape(message)):
        published.check(printed | {source: table}, **ours)


# ------------------------------------------------------------------------------------- files


def test_results_are_read_from_the_files_of_the_pipeline(tmp_path, make_spec):
    from partialpool.fit.diagnostics import quantile_mcse, summarise

    rng = np.random.default_rng(3)
    draws, units = rng.normal(size=(2, 50)), ["6", "6", "29"]
    groups = {
        "posterior": {"sigma": (("chain", "draw"), draws)},
        "sample_stats": {"energy": (("chain", "draw"), draws)},
        "log_likelihood": {"con": (("chain", "draw", "__obs__"), rng.normal(size=(2, 50, 3)))},
        "posterior_predictive": {"con": (("chain", "draw", "__obs__"), rng.normal(size=(2, 50, 3)))},
        "observed_data": {"con": ("__obs__", np.zeros(3))},
        "constant_data": {"row": ("__obs__", [0, 1, 4]), "id": ("__obs__", np.array(units, dtype=object))},
    }
    tree = xr.DataTree.from_dict({name: xr.Dataset(variables) for name, variables in groups.items()})
    tree.attrs["sampling"] = "nuts"
    spec = make_spec("con ~ 1", "Intercept sigma", warmup=7)
    store.save(tree, tmp_path / "m.nc", spec=spec, data_sha256="0" * 64)
    summary = summarise(tree["posterior"].to_dataset())
    summary.to_csv(tmp_path / "m.csv", index=False)
    # Unit 6 has one value a draw, unit 29 two: a printed prediction of the latter would be ambiguous.
    chain, draw = (axis.ravel() for axis in np.indices((2, 50)))
    values = {"6": [0.0], "29": [0.0, 1.0]}
    predictions = pd.concat(
        pd.DataFrame({"chain": chain, "draw": draw, "value": draws.ravel() + more, "id": unit})
        for unit, values_of in values.items()
        for more in values_of
    ).assign(model="m", quantity="expected")
    predictions.to_parquet(tmp_path / "draws.parquet")
    printed = {
        "sizes": pd.DataFrame([dict.fromkeys(FILES["sizes"], "1") | {"model": "m"}]),
        "posterior": pd.DataFrame([dict.fromkeys(FILES["posterior"], "1") | {"model": "m", "parameter": "sigma"}]),
        "predictions": pd.DataFrame(
            [{"model": "m", "quantity": "expected", "id": "6", "mean": "0", "q2.5": "0", "q97.5": "0"}]
        ),
    }

    def check(printed, spec=spec, comparisons=(), fit="m"):
        return check_files(
            printed,
            rename={},
            fits={"m": tmp_path / f"{fit}.nc"},
            summaries={"m": tmp_path / "m.csv"},
            specs={"m": spec},
            data_summary=tmp_path / "m.csv",
            predictions=[tmp_path / "draws.parquet"],
            comparisons=comparisons,
        )

    table = check(printed).set_index(["source", "quantity"])
    assert table.loc["sizes", "ours"].to_dict() == {
        "observations": 3,
        "units": 2,
        "chains": 2,
        "draws_per_chain": 50,
        "warmup": 7,
    }
    # Independent draws have no warmup, whatever the spec has for NUTS.
    tree.attrs["sampling"] = "independent"
    store.save(tree, tmp_path / "independent.nc", spec=spec, data_sha256="0" * 64)
    sizes = check({"sizes": printed["sizes"]}, fit="independent").set_index("quantity")
    assert sizes.loc["warmup", ["ours", "verdict"]].tolist() == [0, "sampler"]
    assert "sampler" not in sizes["verdict"].drop("warmup").tolist()
    low, high = np.quantile(draws, [0.025, 0.975])
    mcse_low, _ = quantile_mcse(draws)
    assert table.loc[("posterior", "sigma q2.5"), "ours"] == pytest.approx(low, rel=1e-12)
    assert table.loc[("posterior", "sigma q2.5"), "mcse"] == pytest.approx(
        np.hypot(mcse_low, QUANTILE_FACTOR * draws.std(ddof=1)), rel=1e-12
    )
    assert table.loc["predictions", "ours"].tolist() == pytest.approx([draws.mean(), low, high], rel=1e-12)
    sd = (high - low) / (2 * Z)
    assert table.loc[("predictions", "expected 6 mean"), "mcse"] == pytest.approx(
        np.hypot(summary["mcse_mean"].item(), sd / np.sqrt(100)), rel=1e-12
    )
    with pytest.raises(StudyError, match="no prediction"):
        check({"predictions": printed["predictions"].assign(id="29")})
    with pytest.raises(StudyError, match="made from another spec: warmup was 7, is 8"):
        check(printed, replace(spec, warmup=8))
    # Leave-one-out comes from the fit, unless a comparison has it.
    loo_printed = {"loo": pd.DataFrame([dict.fromkeys(FILES["loo"], "0") | {"model": "m"}])}
    from_fit = check(loo_printed)
    assert from_fit["ours"].to_list()[2] == of_fit(tree).total()
    integrated, plain = (replace(of_fit(tree), method=np.full(3, name)) for name in ("integrated", "psis"))
    tables = [loo({"m": integrated}), loo({"m": replace(plain, elpd=np.array([-1.0, -1.0, -2.0]))})]
    pd.concat(tables).to_csv(tmp_path / "comparison.csv", index=False)
    tables[0].to_csv(tmp_path / "integrated.csv", index=False)
    pd.testing.assert_frame_equal(check(loo_printed, comparisons=[tmp_path / "integrated.csv"]), from_fit)
    both = [tmp_path / "integrated.csv", tmp_path / "comparison.csv"]
    assert check(loo_printed, comparisons=both)["ours"].to_list()[2] == -4


@pytest.mark.parametrize(
    ("models", "expected"), [(["a", "b"], ["a", "b"]), (["a"], ["a"]), (["b"], None), (["a", "z"], None)]
)
def test_differences_of_a_comparison_are_taken_only_if_they_are_to_a_printed_model(models, expected, tmp_path):
    models_compared = {name: pointwise(total, 1.0, 1.0, 0.1, patterns()[0]) for name, total in (("a", -1), ("b", -2))}
    loo(models_compared).to_csv(tmp_path / "both.csv", index=False)
    table = published._plain_psis(models, [tmp_path / "both.csv"], fits={}, specs={})
    assert table["model"].to_list() == (expected or [])
