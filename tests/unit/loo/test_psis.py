"""Pareto-smoothed importance sampling beside the R package loo, arviz_stats and closed forms."""

import io

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.errors import StudyError
from partialpool.loo import psis as psis_module
from partialpool.loo.pointwise import BAD_PARETO_K
from partialpool.loo.psis import of_fit, psis
from scipy import stats

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


@pytest.fixture
def force_efficiency(monkeypatch):
    """Let the relative effective sample sizes be these."""

    def force(efficiencies):
        monkeypatch.setattr(psis_module, "relative_efficiency", lambda values: np.array(efficiencies))

    return force


# ------------------------------------------------------------------------------------- the R package loo


def test_pointwise_values_are_those_of_the_r_package_loo(made_up):
    # With 200 draws the smoothed tail is a fifth of them, whatever the efficiency: ours is that of split chains.
    for model, expected in pd.read_csv(io.StringIO(R_POINTWISE)).groupby("model"):
        ours = psis(made_up[model], np.arange(8))
        assert ours.labels.tolist() == expected["row"].tolist()
        for name in ("elpd", "p_loo", "pareto_k"):
            np.testing.assert_allclose(getattr(ours, name), expected[name], rtol=1e-10)


def test_monte_carlo_errors_are_those_of_the_r_package_loo(made_up, force_efficiency):
    # loo takes the standard deviation of the logarithm of 1000 normal quantiles, ours is its first-order term.
    normal = stats.norm.ppf((np.arange(1, 1001) - 3 / 8) / (1000 - 3 / 4 + 1))
    for model, expected in pd.read_csv(io.StringIO(R_POINTWISE)).groupby("model"):
        force_efficiency(expected["r_eff"])
        before = psis(made_up[model], np.arange(8)).mcse * np.sqrt(expected["r_eff"].to_numpy())
        quantiles = 1 + before[:, None] * normal
        spread = [np.log(values[values > 0]).std(ddof=1) for values in quantiles]
        np.testing.assert_allclose(spread / np.sqrt(expected["r_eff"]), expected["mcse"], rtol=1e-10)


def test_densities_that_differ_by_more_than_a_float_can_hold():
    # R: loo(matrix(c(rep(-1, 7), -800, rep(c(-2, -0.5), 196))), r_eff = 1); its k is Inf too.
    values = np.array([-1.0] * 7 + [-800.0] + [-2.0, -0.5] * 196).reshape(4, 100, 1)
    pointwise = psis(values, np.array([0]))
    # All the weight is on one draw: elpd = -log(mean(exp(-log_likelihood))) = log(400) - 800.
    assert pointwise.elpd == pytest.approx(np.log(400) - 800, rel=1e-12)
    lppd = np.log(np.exp(values).mean())
    assert pointwise.p_loo == pytest.approx(lppd - (np.log(400) - 800), rel=1e-12)
    assert pointwise.pareto_k == np.inf


# ------------------------------------------------------------------------------------- arviz_stats


def arviz_loo(log_likelihood, reff):
    import arviz_stats

    tree = xr.DataTree.from_dict({"log_likelihood": xr.Dataset({"y": (("chain", "draw", "row"), log_likelihood)})})
    return arviz_stats.loo(tree, pointwise=True, reff=reff)


def normal_log_likelihood(seed=1, shape=(4, 500), y=(-1.0, 0.2, 0.5, 0.9, 1.5)):
    """Log likelihoods at independent draws of the mean of normal measurements, sigma 1 and a flat prior."""
    draws = np.random.default_rng(seed).normal(np.mean(y), 1 / np.sqrt(len(y)), size=shape)
    return stats.norm.logpdf(np.array(y), draws[..., None], 1)


def test_pointwise_values_and_totals_are_those_of_arviz_at_the_same_efficiency(force_efficiency):
    values = normal_log_likelihood()
    force_efficiency([0.7] * 5)
    ours, theirs = psis(values, np.arange(5)), arviz_loo(values, reff=0.7)
    np.testing.assert_allclose(ours.elpd, theirs.elpd_i, rtol=1e-10)
    np.testing.assert_allclose(ours.pareto_k, theirs.pareto_k, rtol=1e-10)
    np.testing.assert_allclose(
        [ours.total(), ours.se(), ours.total("p_loo")], [theirs.elpd, theirs.se, theirs.p], 1e-10
    )


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
    for i, own in enumerate(theirs):
        assert ours.elpd[i] == pytest.approx(float(own.elpd_i[i]), rel=1e-10)
        assert ours.pareto_k[i] == pytest.approx(float(own.pareto_k[i]), rel=1e-10)
        # It matters: the efficiency of another observation gives another estimate.
        assert ours.pareto_k[i] != pytest.approx(float(theirs[i - 1].pareto_k[i]), rel=1e-4)


# ------------------------------------------------------------------------------------- closed forms


def test_normal_mean_has_its_exact_leave_one_out_density():
    y = np.array([-1.0, 0.2, 0.5, 0.9, 1.5])
    others = np.array([np.delete(y, i).mean() for i in range(5)])
    exact = stats.norm.logpdf(y, others, np.sqrt(1 + 1 / 4))
    density = stats.norm.logpdf(y, y.mean(), np.sqrt(1 + 1 / 5))
    values = normal_log_likelihood(y=y)
    pointwise = psis(values, np.arange(5))
    assert (pointwise.pareto_k < BAD_PARETO_K).all()
    assert (abs(pointwise.elpd - exact) < 4 * pointwise.mcse).all()
    likelihood = np.exp(values).reshape(-1, 5)
    mcse_density = likelihood.std(axis=0, ddof=1) / np.sqrt(2000) / likelihood.mean(axis=0)
    assert (abs(pointwise.p_loo - (density - exact)) < 4 * (pointwise.mcse + mcse_density)).all()
    # And the errors are small enough to tell: in-sample densities are not what is estimated.
    assert (abs(pointwise.elpd - density) > 4 * pointwise.mcse).sum() >= 3


def test_monte_carlo_error_is_the_spread_over_repetitions():
    repetitions, y = 400, (0.2, 0.5, 1.5)
    rng = np.random.default_rng(3)
    runs = [psis(normal_log_likelihood(rng, (4, 100), y), np.arange(3)) for _ in range(repetitions)]
    elpd, mcse = (np.array([getattr(pointwise, name) for pointwise in runs]) for name in ("elpd", "mcse"))
    ratio = elpd.std(axis=0, ddof=1) / np.sqrt((mcse**2).mean(axis=0))
    # The standard error of a standard deviation of n normal values is 1 / sqrt(2 n) of it.
    assert (abs(ratio - 1) < 4 / np.sqrt(2 * repetitions)).all(), ratio


def test_log_likelihood_without_parameters_is_its_own_estimate_but_not_vouched_for():
    pointwise = psis(np.full((4, 100, 1), -1.5), np.array([7]))
    values = [pointwise.labels, pointwise.elpd, pointwise.pareto_k, pointwise.p_loo, pointwise.mcse]
    assert np.concatenate(values).tolist() == [7, -1.5, np.inf, 0, 0]


@pytest.mark.parametrize("shape", [(4, 3), (2, 4)])
def test_draws_too_few_to_smooth_keep_their_raw_weights(shape):
    values = np.random.default_rng(1).normal(size=(*shape, 1))
    pointwise = psis(values, np.array([0]))
    assert pointwise.elpd == pytest.approx(-np.log(np.exp(-values).mean()), rel=1e-12)
    assert pointwise.pareto_k == np.inf


def test_rows_do_not_depend_on_the_others():
    # More than are worked on at a time.
    values = normal_log_likelihood(shape=(4, 100), y=np.linspace(-2, 2, 600))
    assert values.size > 2 * psis_module.CHUNK
    together = psis(values, np.arange(600))
    for i in (0, 249, 250, 599):
        for name, value in vars(psis(values[..., i : i + 1], np.array([i]))).items():
            np.testing.assert_array_equal(getattr(together, name)[[i]], value)


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
        for name, value in vars(psis(values, rows)).items():
            np.testing.assert_array_equal(getattr(of_fit(tree), name), value)
