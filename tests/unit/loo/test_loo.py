import io

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.errors import StudyError
from partialpool.loo import compare as compare_module
from partialpool.loo.compare import compare_all
from partialpool.loo.pointwise import BAD_PARETO_K, monte_carlo_error
from partialpool.loo.psis import of_fit, psis
from scipy import stats

# As in design.md, the two standard errors that R prints and design.md does not name, and Monte Carlo errors.
CONTRACT = [
    "model",
    "rank",
    "elpd_loo",
    "se_elpd_loo",
    "p_loo",
    "looic",
    "elpd_diff",
    "se_diff",
    "estimand",
    "method",
    "max_pareto_k",
    "bad_pareto_k",
    "n",
    "se_p_loo",
    "se_looic",
    "mcse_elpd_loo",
    "mcse_se_elpd_loo",
    "mcse_p_loo",
    "mcse_se_p_loo",
    "mcse_elpd_diff",
    "mcse_se_diff",
]


def made_up_log_likelihoods():
    """Two models of eight measurements; 4 chains of 50 autocorrelated draws: each (chain, draw, n)."""
    rng = np.random.default_rng(71)
    y = np.array([-1.2, -0.6, -0.3, 0.1, 0.2, 0.7, 1.1, 4.0])
    noise = rng.normal(size=(2, 4, 50))
    for draw in range(1, 50):
        noise[..., draw] = 0.5 * noise[..., draw - 1] + np.sqrt(0.75) * noise[..., draw]
    mean = 0.5 + 0.4 * noise[0][..., None]
    scale = np.exp(0.3 + 0.25 * noise[1][..., None])
    return {"a": stats.norm.logpdf(y, mean, scale), "b": stats.t.logpdf(y, 4, mean, scale / 1.3)}


# R 4.2.2, loo 2.5.1, from np.savetxt(f"{model}.csv", log_likelihood.reshape(200, 8), delimiter=",", fmt="%.17g"):
#   read <- function(file) aperm(array(t(as.matrix(read.csv(file, header = FALSE))), c(8, 50, 4)), c(2, 3, 1))
#   ll <- read("a.csv"); r_eff <- relative_eff(exp(ll)); a <- loo(ll, r_eff = r_eff)
#   cbind(r_eff, a$pointwise[, c("elpd_loo", "mcse_elpd_loo", "p_loo", "influence_pareto_k")])
R_POINTWISE = """
model,row,r_eff,elpd,mcse,p_loo,pareto_k
a,0,0.2889596418351706,-2.185369616753358,0.08235374562414753,0.1889666039524132,0.3037430323933501
a,1,0.4536677867429554,-1.618886364346637,0.03170570895465859,0.06851546434706357,0.4827365265074667
a,2,0.5041325086902991,-1.447213184410741,0.02435515668132928,0.05275949051065743,0.3654041029483145
a,3,0.5328837333064365,-1.312503733735517,0.02185211319608706,0.04758320237677616,0.2774290517915939
a,4,0.5387512897127263,-1.294851008569972,0.02171609664177359,0.0476277344494207,0.2362210299163358
a,5,0.4645796515520504,-1.296919565164531,0.02298048174180104,0.04740948637253339,0.1857764193220603
a,6,0.3336792188827223,-1.408819254808225,0.02719379480915792,0.04903912293480417,0.02558308077350047
a,7,0.5837556114498017,-7.18385512348044,0.5653833383036824,2.925263851746148,1.321942273658514
b,0,0.3057635183941255,-2.427419506276345,0.07681362756292613,0.2291972272845357,0.07188140831161793
b,1,0.3240281788456583,-1.722789398360255,0.05603542721044606,0.1348263471969124,0.3385747941571421
b,2,0.4465484704385936,-1.439610742930048,0.03846372635196631,0.09582852833303157,0.4371171629141941
b,3,0.5332756330196124,-1.186743846236955,0.02622597810794516,0.06116738761754359,0.429137354229437
b,4,0.5567567757937882,-1.150997684869468,0.02412437601980296,0.05631437313968579,0.3149353515524495
b,5,0.4800572376905513,-1.155495593306232,0.02419308692748182,0.05457413195381733,-0.02887912935811504
b,6,0.2741620094856388,-1.371291568365561,0.04056873237440366,0.07965466147492339,0.2638450535225134
b,7,0.5746235100281624,-4.745202292971671,0.0756451126340645,0.4739348937653265,0.06814914985620377
"""
# loo_compare(list(a = a, b = b))
R_COMPARISON = """
model,elpd_diff,se_diff,elpd_loo,se_elpd_loo,p_loo,se_p_loo,looic,se_looic
b,0,0,-15.19955063331654,3.467443272148056,1.185497550765776,0.4071746649549356,30.39910126663307,6.934886544296112
a,-2.548867217952887,2.452356836683582,-17.74841785126942,5.736013455609498,3.427164956689816,2.856842915748352,\
35.49683570253885,11.472026911219
"""


def force_efficiency(monkeypatch, *values):
    """Let the relative effective sample sizes be these, in turn."""
    from arviz_stats.base import array_stats

    efficiencies = iter(values)
    monkeypatch.setattr(array_stats, "ess", lambda *_, **__: next(efficiencies))


def table(elpd, pareto_k=0.1, p_loo=0.5, rows=None):
    rows = range(len(elpd)) if rows is None else rows
    found = pd.DataFrame({"row": rows, "elpd": elpd, "pareto_k": pareto_k, "p_loo": p_loo, "method": "psis"})
    return found.assign(mcse=0.1, **nothing_from_batches(len(found)))


def nothing_from_batches(n):
    return {f"{of}_batches": list(np.zeros((n, 4))) for of in ("elpd", "p_loo")}


def compare(**tables):
    return compare_module.compare(
        {model: found.assign(method="psis") for model, found in tables.items()}, estimand="observation"
    )


# ------------------------------------------------------------------------------------- the R package loo


def test_pointwise_values_are_those_of_the_r_package_loo():
    # With 200 draws the smoothed tail is a fifth of them, whatever the efficiency: ours is that of split chains.
    for model, expected in pd.read_csv(io.StringIO(R_POINTWISE)).groupby("model"):
        ours = psis(made_up_log_likelihoods()[model], np.arange(8))
        columns = ["row", "elpd", "p_loo", "pareto_k"]
        pd.testing.assert_frame_equal(ours[columns], expected[columns].reset_index(drop=True), rtol=1e-10)


def test_monte_carlo_errors_are_those_of_the_r_package_loo(monkeypatch):
    # loo takes the standard deviation of the logarithm of 1000 normal quantiles, ours is its first-order term.
    normal = stats.norm.ppf((np.arange(1, 1001) - 3 / 8) / (1000 - 3 / 4 + 1))
    for model, expected in pd.read_csv(io.StringIO(R_POINTWISE)).groupby("model"):
        force_efficiency(monkeypatch, *expected["r_eff"])
        ours = psis(made_up_log_likelihoods()[model], np.arange(8))
        before = ours["mcse"].to_numpy() * np.sqrt(expected["r_eff"].to_numpy())
        quantiles = 1 + before[:, None] * normal
        spread = [np.log(values[values > 0]).std(ddof=1) for values in quantiles]
        np.testing.assert_allclose(spread / np.sqrt(expected["r_eff"]), expected["mcse"], rtol=1e-10)


def test_comparison_is_that_of_the_r_package_loo():
    pointwise = {model: psis(values, np.arange(8)) for model, values in made_up_log_likelihoods().items()}
    ours = compare(**pointwise)
    expected = pd.read_csv(io.StringIO(R_COMPARISON)).astype({"elpd_diff": float, "se_diff": float})
    pd.testing.assert_frame_equal(ours[list(expected.columns)], expected, rtol=1e-10)


def test_densities_that_differ_by_more_than_a_float_can_hold():
    # R: loo(matrix(c(rep(-1, 7), -800, rep(c(-2, -0.5), 196))), r_eff = 1); its k is Inf too.
    values = np.array([-1.0] * 7 + [-800.0] + [-2.0, -0.5] * 196).reshape(4, 100, 1)
    found = psis(values, np.array([0])).iloc[0]
    # All the weight is on one draw: elpd = -log(mean(exp(-log_likelihood))) = log(400) - 800.
    assert found["elpd"] == pytest.approx(np.log(400) - 800, rel=1e-12)
    lppd = np.log(np.exp(values).mean())
    assert found["p_loo"] == pytest.approx(lppd - (np.log(400) - 800), rel=1e-12)
    assert found["pareto_k"] == np.inf


# ------------------------------------------------------------------------------------- arviz_stats


def arviz_loo(log_likelihood, reff):
    import arviz_stats

    tree = xr.DataTree.from_dict({"log_likelihood": xr.Dataset({"y": (("chain", "draw", "row"), log_likelihood)})})
    return arviz_stats.loo(tree, pointwise=True, reff=reff)


def normal_log_likelihood(seed=1, shape=(4, 500), y=(-1.0, 0.2, 0.5, 0.9, 1.5)):
    """Log likelihoods at independent draws of the mean of normal measurements, sigma 1 and a flat prior."""
    draws = np.random.default_rng(seed).normal(np.mean(y), 1 / np.sqrt(len(y)), size=shape)
    return stats.norm.logpdf(np.array(y), draws[..., None], 1)


def test_pointwise_values_and_totals_are_those_of_arviz_at_the_same_efficiency(monkeypatch):
    values = normal_log_likelihood()
    force_efficiency(monkeypatch, *[0.7] * 5)
    ours, theirs = psis(values, np.arange(5)), arviz_loo(values, reff=0.7)
    np.testing.assert_allclose(ours["elpd"], theirs.elpd_i, rtol=1e-10)
    np.testing.assert_allclose(ours["pareto_k"], theirs.pareto_k, rtol=1e-10)
    totals = compare(a=ours, b=ours).loc[0, ["elpd_loo", "se_elpd_loo", "p_loo"]].astype(float)
    np.testing.assert_allclose(totals, [theirs.elpd, theirs.se, theirs.p], rtol=1e-10)


def test_every_observation_has_the_efficiency_of_its_own_density():
    from arviz_stats.base import array_stats

    # A sticky chain: the efficiencies differ, and so do the lengths of the smoothed tails.
    draws = np.random.default_rng(2).normal(size=(4, 500))
    for draw in range(1, 500):
        draws[:, draw] += 0.8 * draws[:, draw - 1]
    values = stats.norm.logpdf(np.array([-0.5, 0.1, 2.0]), 0.2 * draws[..., None], 1)
    efficiencies = [array_stats.ess(np.exp(values[..., i]), method="mean") / 2000 for i in range(3)]
    assert len({int(3 * np.sqrt(2000 / efficiency)) for efficiency in efficiencies}) == 3
    ours = psis(values, np.arange(3))
    theirs = [arviz_loo(values, efficiency) for efficiency in efficiencies]
    for i, found in enumerate(theirs):
        assert ours["elpd"][i] == pytest.approx(float(found.elpd_i[i]), rel=1e-10)
        assert ours["pareto_k"][i] == pytest.approx(float(found.pareto_k[i]), rel=1e-10)
        # It matters: the efficiency of another observation gives another estimate.
        assert ours["pareto_k"][i] != pytest.approx(float(theirs[i - 1].pareto_k[i]), rel=1e-4)


# ------------------------------------------------------------------------------------- closed forms


def test_normal_mean_has_its_exact_leave_one_out_density():
    y = np.array([-1.0, 0.2, 0.5, 0.9, 1.5])
    others = np.array([np.delete(y, i).mean() for i in range(5)])
    exact = stats.norm.logpdf(y, others, np.sqrt(1 + 1 / 4))
    density = stats.norm.logpdf(y, y.mean(), np.sqrt(1 + 1 / 5))
    values = normal_log_likelihood(y=y)
    found = psis(values, np.arange(5))
    assert (found["pareto_k"] < BAD_PARETO_K).all()
    assert (abs(found["elpd"] - exact) < 4 * found["mcse"]).all()
    likelihood = np.exp(values).reshape(-1, 5)
    mcse_density = likelihood.std(axis=0, ddof=1) / np.sqrt(2000) / likelihood.mean(axis=0)
    assert (abs(found["p_loo"] - (density - exact)) < 4 * (found["mcse"] + mcse_density)).all()
    # And the errors are small enough to tell: in-sample densities are not what is estimated.
    assert (abs(found["elpd"] - density) > 4 * found["mcse"]).sum() >= 3


def test_monte_carlo_error_is_the_spread_over_repetitions():
    repetitions, y = 400, (0.2, 0.5, 1.5)
    rng = np.random.default_rng(3)
    tables = [psis(normal_log_likelihood(rng, (4, 100), y), np.arange(3)) for _ in range(repetitions)]
    elpd, mcse = (np.array([found[column] for found in tables]) for column in ("elpd", "mcse"))
    ratio = elpd.std(axis=0, ddof=1) / np.sqrt((mcse**2).mean(axis=0))
    # The standard error of a standard deviation of n normal values is 1 / sqrt(2 n) of it.
    assert (abs(ratio - 1) < 4 / np.sqrt(2 * repetitions)).all(), ratio


def test_log_likelihood_without_parameters_is_its_own_estimate_but_not_vouched_for():
    found = psis(np.full((4, 100, 1), -1.5), np.array([7])).iloc[0]
    found = found.drop(["elpd_batches", "p_loo_batches"])
    assert found.to_dict() == {"row": 7, "elpd": -1.5, "pareto_k": np.inf, "p_loo": 0, "mcse": 0}


@pytest.mark.parametrize("shape", [(4, 3), (2, 4)])
def test_draws_too_few_to_smooth_keep_their_raw_weights(shape):
    values = np.random.default_rng(1).normal(size=(*shape, 1))
    found = psis(values, np.array([0])).iloc[0]
    assert found["elpd"] == pytest.approx(-np.log(np.exp(-values).mean()), rel=1e-12)
    assert found["pareto_k"] == np.inf


# ------------------------------------------------------------------------------------- input


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_log_likelihood_that_is_not_finite_names_the_rows(bad):
    values = np.random.default_rng(1).normal(size=(2, 10, 4))
    values[1, 3, 1] = values[0, 0, 3] = bad
    with pytest.raises(StudyError, match="not finite at rows 11, 17 of the data"):
        psis(values, np.array([10, 11, 13, 17]))


def test_of_fit_takes_the_rows_of_the_fit_and_any_order_of_dimensions():
    values, rows = normal_log_likelihood(shape=(2, 50)), np.array([0, 2, 3, 5, 8])
    for dims in (("chain", "draw", "__obs__"), ("__obs__", "draw", "chain")):
        log_likelihood = xr.DataArray(values, dims=("chain", "draw", "__obs__")).transpose(*dims)
        tree = xr.DataTree.from_dict(
            {
                "log_likelihood": xr.Dataset({"con": log_likelihood}),
                "constant_data": xr.Dataset({"row": ("__obs__", rows)}),
            }
        )
        pd.testing.assert_frame_equal(of_fit(tree), psis(values, rows).assign(method="psis"))


# ------------------------------------------------------------------------------------- comparison


def test_columns_are_those_of_the_contract():
    assert list(compare(a=table([-1.0, -2.0]), b=table([-1.0, -3.0])).columns) == CONTRACT


def test_best_model_comes_first_and_differences_are_to_it():
    found = compare(
        bad=table([-3.0, -5.0, -4.0]), best=table([-1.0, -2.0, -3.0]), good=table([-2.0, -2.0, -2.5])
    ).set_index("model")
    assert list(found.index) == ["best", "good", "bad"]
    assert list(found["rank"]) == [0, 1, 2]
    assert list(found["elpd_loo"]) == [-6, -6.5, -12]
    assert list(found["elpd_diff"]) == [0, -0.5, -6]
    assert list(found["looic"]) == [12, 13, 24]
    # sqrt(n var): differences -1, 0, 0.5 and -2, -3, -1 have variances 7/12 and 1.
    np.testing.assert_allclose(found["se_diff"], [0, np.sqrt(3 * 7 / 12), np.sqrt(3)], rtol=1e-12)
    np.testing.assert_allclose(found["se_elpd_loo"], np.sqrt([3, 3 / 12, 3]), rtol=1e-12)
    np.testing.assert_allclose(found["se_looic"], 2 * np.sqrt([3, 3 / 12, 3]), rtol=1e-12)
    assert list(found["n"]) == [3, 3, 3]


def test_p_loo_is_a_sum_with_the_standard_error_of_a_sum():
    found = compare(a=table([-1.0, -2.0, -3.0], p_loo=[0.1, 0.2, 0.6]), b=table([-9.0, -9.0, -9.0])).iloc[0]
    assert found["p_loo"] == pytest.approx(0.9, rel=1e-12)
    assert found["se_p_loo"] == pytest.approx(np.sqrt(3 * 0.07), rel=1e-12)


def test_what_was_left_out_and_how_is_said():
    left_out = table([-1.0, -2.0]).rename(columns={"row": "unit"})
    found = compare_module.compare({"a": left_out.assign(method=["x", "y"]), "b": left_out}, estimand="unit")
    assert found[["estimand", "method"]].to_numpy().tolist() == [["unit", "x y"], ["unit", "psis"]]


def test_rows_are_matched_by_their_number():
    a, b = made_up_log_likelihoods().values()
    a, b = psis(a, np.arange(8)), psis(b, np.arange(8))
    shuffled = b.sample(frac=1, random_state=1, ignore_index=True)
    assert list(shuffled["row"]) != list(b["row"])
    pd.testing.assert_frame_equal(compare(a=a, b=shuffled), compare(a=a, b=b))


def test_a_pareto_k_that_is_not_at_most_the_limit_is_bad():
    k = [-0.2, 0.7, np.nextafter(0.7, 1), 3.0, np.nan, np.inf]
    found = compare(a=table(-np.arange(6.0), k), b=table(-np.arange(6.0) - 1, k[:2] * 3)).set_index("model")
    assert found["bad_pareto_k"].to_dict() == {"a": 4, "b": 0}
    assert found["max_pareto_k"].to_dict() == {"a": np.inf, "b": 0.7}


def test_models_on_different_rows_are_refused_and_the_rows_named():
    with pytest.raises(StudyError) as error:
        compare(a=table([-1.0] * 4, rows=[0, 1, 2, 5]), b=table([-1.0] * 3, rows=[0, 1, 2]), c=table([-1.0] * 20))
    lines = str(error.value).splitlines()
    assert "same rows only" in lines[0]
    assert lines[1:4] == [
        "  a: 4 rows; not in every other model: rows 5",
        "  b: 3 rows",
        "  c: 20 rows; not in every other model: rows 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 and 5 more",
    ]
    assert "missing values" in lines[4]


def test_as_many_rows_are_not_the_same_rows():
    with pytest.raises(StudyError, match=r"a: 2 rows; not in every other model: rows 1\n  b: 2 rows.*rows 2\n"):
        compare(a=table([-1.0] * 2, rows=[0, 1]), b=table([-1.0] * 2, rows=[0, 2]))


def test_an_unknown_p_loo_is_not_zero():
    found = compare(a=table([-1.0, -2.0], p_loo=[0.5, np.nan]), b=table([-2.0, -2.5])).set_index("model")
    assert np.isnan(found.loc["a", ["p_loo", "se_p_loo"]].astype(float)).all()


# ------------------------------------------------------------------------------------- Monte Carlo errors of totals


def sticky_models(rng):
    """Log likelihoods of two models of six measurements, at 4 chains of 200 autocorrelated draws of its scale each."""
    y = np.array([-0.6, -0.3, 0.2, 0.3, 0.4, 1.1])
    for sigma in (0.6, 1.2):
        noise = rng.normal(size=(4, 200))
        for draw in range(1, 200):
            noise[:, draw] = 0.6 * noise[:, draw - 1] + 0.8 * noise[:, draw]
        yield stats.norm.logpdf(y, 0, sigma * np.exp(0.1 * noise)[..., None])


@pytest.mark.numbers
def test_monte_carlo_errors_of_totals_are_their_spread_over_repetitions():
    """By brute force; the root of the sum of squares of the pointwise errors is far off, since rows share the draws."""
    rng, repetitions = np.random.default_rng(4), 150
    found = []
    for _ in range(repetitions):
        pointwise = {name: psis(values, np.arange(6)) for name, values in zip("ab", sticky_models(rng), strict=True)}
        naive = {name: np.sqrt((own["mcse"] ** 2).sum()) for name, own in pointwise.items()}
        totals = compare(**pointwise).assign(naive=lambda totals, naive=naive: totals["model"].map(naive))
        assert list(totals["model"]) == ["a", "b"]
        assert not totals["bad_pareto_k"].any()
        found.append(totals)
    for model, own in pd.concat(found).groupby("model"):
        for quantity in ("elpd_loo", "se_elpd_loo", "p_loo", "se_p_loo", "elpd_diff", "se_diff"):
            spread, claimed = own[quantity].std(ddof=1), np.sqrt((own[f"mcse_{quantity}"] ** 2).mean())
            if model == "a" and "diff" in quantity:
                assert spread == claimed == 0
                continue
            # Four standard errors of a standard deviation, and a tenth for batches that are not independent.
            assert abs(spread / claimed - 1) < 4 / np.sqrt(2 * repetitions) + 0.1, (model, quantity, spread, claimed)
        assert not 0.7 < own["elpd_loo"].std(ddof=1) / own["naive"].mean() < 1.5


def test_errors_of_methods_with_draws_of_their_own_add_up():
    own = table([-1.0, -2.0, -3.0]).assign(mcse=[0.1, 0.2, 0.4], method=["psis", "refit", "kfold"])
    assert monte_carlo_error(own) == pytest.approx(0.6, rel=1e-12)
    assert monte_carlo_error(own, slope=np.array([1, -1, 0.5])) == pytest.approx(0.4, rel=1e-12)


def test_totals_with_a_bad_pareto_k_have_no_monte_carlo_error():
    found = compare(a=table([-1.0, -2.0]), b=table([-2.0, -2.5], [0.1, 0.8]), c=table([-3.0, -3.5])).set_index("model")
    errors = found.filter(like="mcse_")
    assert errors.loc["b"].isna().all()
    assert errors.loc[["a", "c"]].notna().all(axis=None)


# ------------------------------------------------------------------------------------- all that is compared


def of_model(method, elpd):
    observations = table(elpd).assign(method=method)
    units = pd.DataFrame({"unit": ["x", "y"], "elpd": elpd, "pareto_k": 0.2, "p_loo": 0.1, "method": method})
    units = units.assign(mcse=0.1, **nothing_from_batches(2))
    return {"observation": observations, "unit": units, "psis": table([value + 1 for value in elpd])}


def test_both_estimands_and_plain_psis_stand_side_by_side():
    models = {"a": of_model("integrated", [-1.0, -2.0]), "b": of_model("integrated", [-1.5, -2.5])}
    found, pointwise, units = compare_all(models)
    blocks = found[["model", "estimand", "method", "elpd_loo"]].to_numpy().tolist()
    assert blocks == [
        ["a", "observation", "integrated", -3.0],
        ["b", "observation", "integrated", -4.0],
        ["a", "unit", "integrated", -3.0],
        ["b", "unit", "integrated", -4.0],
        ["a", "observation", "psis", -1.0],
        ["b", "observation", "psis", -2.0],
    ]
    assert list(pointwise.columns) == ["model", "row", "elpd", "pareto_k", "method", "psis_elpd", "psis_pareto_k"]
    assert (pointwise["psis_elpd"] - pointwise["elpd"] == 1).all()
    assert units[["model", "unit"]].to_numpy().tolist() == [["a", "x"], ["a", "y"], ["b", "x"], ["b", "y"]]


def test_a_fit_that_keeps_some_draws_only_has_no_plain_psis():
    models = {name: of_model("integrated", [-1.0, -2.0]) for name in "ab"}
    del models["b"]["psis"]
    found, pointwise, _ = compare_all(models)
    assert set(found["method"]) == {"integrated"}
    assert pointwise.loc[pointwise["model"] == "b", "psis_elpd"].isna().all()
