import io
import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from partialpool.errors import StudyError
from partialpool.fit import diagnostics
from partialpool.fit.diagnostics import SUMMARY_COLUMNS, refuse_failed, summarise

OF_NUTS = {"rhat": 1.01, "ess_bulk": 400, "ess_tail": 400, "divergences": 0, "ebfmi": 0.3}
OF_INDEPENDENT_DRAWS = {"rhat": 1.01, "ess_bulk": 400, "ess_tail": 400, "pareto_k": 0.5, "acceptance": 0.3}
THRESHOLDS = OF_NUTS | OF_INDEPENDENT_DRAWS


def made_up_draws():
    """Four chains of 100 draws: one good parameter, and four with what can be wrong."""
    good, sticky, shifted, wide, trend = np.random.default_rng(5).normal(size=(5, 4, 100))
    for draw in range(1, 100):
        sticky[:, draw] += 0.9 * sticky[:, draw - 1]
    shifted[0] += 1
    wide[0] *= 4
    trend += np.linspace(-1, 1, 100)
    return {"good": good, "sticky": sticky, "shifted": shifted, "wide": wide, "trend": trend}


# The same draws in R 4.2.2 with posterior 1.4.0, x being a matrix with a column a chain:
#   c(mean(x), sd(x), quantile(x, c(.025, .975)), rhat(x), ess_bulk(x), ess_tail(x), mcse_mean(x), mcse_sd(x))
R_POSTERIOR = """
parameter,mean,sd,q2.5,q97.5,rhat,ess_bulk,ess_tail,mcse_mean,mcse_sd
good,-0.05202993668022608,0.96452385857340506,-1.84053780726961524,1.87567787724225155,1.00201449806557474,\
353.04593047768969427,373.66070143913640322,0.05175059015665916,0.03404073338656786
sticky,0.3490621635802452,2.4655581883882904,-4.8064408556493445,4.3166682771157641,1.3696984875608955,\
9.5662719566958820,36.9584008555809689,0.8111419383696709,0.1889926798090717
shifted,0.34350696693160948,1.02898557631099297,-1.63360507323646797,2.21590489755499354,1.07453729549687660,\
43.09981404870539023,73.98498352840985604,0.16167740831635158,0.04000828832302315
wide,-0.05033567242829467,1.98004663773524614,-5.36293798696104496,4.25774604700346071,1.14624099459255357,\
360.46615478049182002,45.81411768037870758,0.11030484946840860,0.58987445570273922
trend,0.06277721372320483,1.16868670418000553,-2.21224906529856646,2.41688704339984506,1.15178479040427351,\
18.54727232904308210,195.11648001063440461,0.27168444082017251,0.03982159679417678
"""


def dataset(**draws):
    return xr.Dataset({name: (("chain", "draw"), values) for name, values in draws.items()})


def of_nuts(diverging=(0, 0, 0, 0), energy=None, draws=100):
    """A fit by NUTS, as far as its checks are concerned."""
    energy = np.random.default_rng(1).normal(size=(4, draws)) if energy is None else energy
    flags = np.arange(draws) < np.array(diverging)[:, None]
    tree = xr.DataTree.from_dict({"sample_stats": dataset(diverging=flags, energy=energy)})
    tree.attrs["sampling"] = "nuts"
    return tree


def of_independent_draws(pareto_k=0.2, acceptance=0.8, **attributes):
    """A fit by independent draws, as far as its checks are concerned."""
    tree = xr.DataTree()
    tree.attrs = {"sampling": "independent", "pareto_k": pareto_k, "acceptance": acceptance} | attributes
    return tree


def summary(**columns):
    """Two parameters with good values, but for the columns given for the second."""
    good = {"parameter": "a", "rhat": 1.0, "ess_bulk": 1000.0, "ess_tail": 1000.0}
    return pd.DataFrame([good, good | {"parameter": "b"} | columns])


@pytest.fixture(scope="module")
def made_up():
    return summarise(dataset(**made_up_draws()))


def test_summary_is_that_of_the_r_package_posterior(made_up):
    expected = pd.read_csv(io.StringIO(R_POSTERIOR))
    assert list(made_up.columns) == SUMMARY_COLUMNS == [*expected.columns, "mcse_q2.5", "mcse_q97.5"]
    pd.testing.assert_frame_equal(made_up[list(expected.columns)], expected, rtol=1e-12)


@pytest.mark.parametrize("draws", [4, 5, 9, 400, 401])
def test_r_hat_and_bulk_size_are_those_that_arviz_gives_without_our_ranks(draws):
    from arviz_stats.base import array_stats

    values = np.random.default_rng(draws).normal(size=(6, 4, draws))
    values[1] = values[1].round(1)
    values[2] = np.repeat(values[2], 3, axis=1)[:, :draws]
    values[3] = np.sign(values[3])
    values[4] = 3.0
    values[5, 0, 0] = np.nan
    ours = summarise(dataset(**dict(zip("abcdef", values, strict=True))))
    with np.errstate(divide="ignore", invalid="ignore"):
        np.testing.assert_array_equal(ours["rhat"], array_stats.rhat(values))
        np.testing.assert_array_equal(ours["ess_bulk"], array_stats.ess(values, method="bulk"))
    assert ours["rhat"].isna().tolist() == [False] * 4 + [True] * 2


def test_quantile_errors_are_those_of_the_r_package_posterior(made_up):
    # R: mcse_quantile(x, c(.025, .975)) of posterior 1.4.0.
    found = made_up.set_index("parameter").loc["good", ["mcse_q2.5", "mcse_q97.5"]].astype(float)
    # posterior writes the normal probability of one standard error with seven digits: 0.1586553.
    np.testing.assert_allclose(found, [0.24855953532242014, 0.08889834723914125], rtol=1e-6)


def test_summary_is_that_of_numpy_and_arviz(made_up):
    import arviz_stats

    draws = dataset(**made_up_draws())
    values = np.stack([draws[name].to_numpy().ravel() for name in made_up["parameter"]])
    np.testing.assert_allclose(made_up["mean"], values.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(made_up["sd"], np.sqrt(values.var(axis=1, ddof=1)), rtol=1e-12)
    np.testing.assert_allclose(made_up[["q2.5", "q97.5"]].T, np.quantile(values, [0.025, 0.975], axis=1), rtol=1e-12)
    theirs = arviz_stats.summary(draws, fmt="xarray", round_to="none")
    found = {}
    for column in ("mean", "sd", "mcse_mean", "mcse_sd", "ess_bulk", "rhat"):
        name = column.replace("rhat", "r_hat")
        found[column] = [float(theirs[parameter].sel(summary=name)) for parameter in made_up["parameter"]]
    # ArviZ's summary takes other tails; those of posterior and brms are the 5 % and 95 % quantiles.
    tails = arviz_stats.ess(draws, method="tail", prob=(0.05, 0.95))
    found["ess_tail"] = [float(tails[parameter]) for parameter in made_up["parameter"]]
    for column, expected in found.items():
        np.testing.assert_allclose(made_up[column], expected, rtol=1e-12, err_msg=column)


def test_summary_has_a_row_for_every_parameter_in_the_order_of_the_contract():
    rng = np.random.default_rng(2)
    posterior = dataset(sigma=rng.normal(size=(2, 4)), Intercept=rng.normal(size=(2, 4)))
    posterior["1|id"] = xr.DataArray(
        rng.normal(size=(2, 4, 2)), dims=("chain", "draw", "id__factor_dim"), coords={"id__factor_dim": ["6", "29"]}
    )
    posterior["1|id_sigma"] = (("chain", "draw"), rng.normal(size=(2, 4)))
    posterior.attrs["family_parameters"] = "sigma"
    table = summarise(posterior)
    assert list(table["parameter"]) == [
        "Intercept",
        "sd(Intercept)",
        "sigma",
        "r_id[6,Intercept]",
        "r_id[29,Intercept]",
    ]
    means = {name: posterior[name].mean().item() for name in ("Intercept", "1|id_sigma", "sigma")}
    units = posterior["1|id"].mean(("chain", "draw")).to_numpy()
    np.testing.assert_allclose(table["mean"], [*means.values(), *units], rtol=1e-12)


def test_known_bad_chains_fail(made_up):
    thresholds = THRESHOLDS | {"ess_bulk": 300, "ess_tail": 300}
    failed = {}
    for i, name in enumerate(made_up["parameter"]):
        checks = diagnostics.check(made_up.iloc[[i]], of_nuts(), thresholds)
        failed[name] = {check for check, entry in checks.items() if not entry["passed"]}
    assert failed == {
        "good": set(),
        "sticky": {"rhat", "ess_bulk", "ess_tail"},
        "shifted": {"rhat", "ess_bulk", "ess_tail"},
        "wide": {"rhat", "ess_tail"},
        "trend": {"rhat", "ess_bulk", "ess_tail"},
    }


@pytest.mark.parametrize(
    ("check", "beyond"),
    [("rhat", np.inf), ("ess_bulk", 0), ("ess_tail", 0)],
)
def test_a_value_at_the_threshold_passes_and_the_next_number_does_not(check, beyond):
    at = float(THRESHOLDS[check])
    entry = diagnostics.check(summary(**{check: at}), of_nuts(), THRESHOLDS)[check]
    assert entry == {"value": at, "threshold": THRESHOLDS[check], "passed": True, "where": "b"}
    worse = float(np.nextafter(at, beyond))
    entry = diagnostics.check(summary(**{check: worse}), of_nuts(), THRESHOLDS)[check]
    assert entry == {"value": worse, "threshold": THRESHOLDS[check], "passed": False, "where": "b"}


@pytest.mark.parametrize(("threshold", "passed"), [(4, True), (3, False)])
def test_divergences_are_counted_over_chains(threshold, passed):
    thresholds = THRESHOLDS | {"divergences": threshold}
    entry = diagnostics.check(summary(), of_nuts(diverging=(1, 0, 3, 0)), thresholds)["divergences"]
    assert entry == {"value": 4, "threshold": threshold, "passed": passed, "where": "chain 2"}


def test_no_divergence_is_nowhere():
    entry = diagnostics.check(summary(), of_nuts(), THRESHOLDS)["divergences"]
    assert entry == {"value": 0, "threshold": 0, "passed": True, "where": None}


def test_ebfmi_is_that_of_the_worst_chain():
    energy = np.random.default_rng(3).normal(size=(4, 100))
    energy[1] = np.cumsum(energy[1])
    bfmi = (np.diff(energy) ** 2).mean(axis=1) / energy.var(axis=1, ddof=1)
    tree = of_nuts(energy=energy)
    entry = diagnostics.check(summary(), tree, THRESHOLDS)["ebfmi"]
    assert entry["value"] == pytest.approx(bfmi[1], rel=1e-12)
    assert (entry["where"], entry["passed"]) == ("chain 1", False)
    for threshold, passed in ((entry["value"], True), (np.nextafter(entry["value"], 1), False)):
        checks = diagnostics.check(summary(), tree, THRESHOLDS | {"ebfmi": threshold})
        assert checks["ebfmi"]["passed"] is passed


@pytest.mark.parametrize(("check", "beyond"), [("pareto_k", np.inf), ("acceptance", 0)])
def test_independent_draws_are_held_to_their_own_thresholds(check, beyond):
    at = OF_INDEPENDENT_DRAWS[check]
    for value, passed in ((at, True), (float(np.nextafter(at, beyond)), False)):
        checks = diagnostics.check(summary(), of_independent_draws(**{check: value}), THRESHOLDS)
        assert list(checks) == list(OF_INDEPENDENT_DRAWS)
        assert checks[check] == {"value": value, "threshold": at, "passed": passed, "where": None}
        assert all(entry["passed"] for name, entry in checks.items() if name != check)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_whose_tail_is_not_known_do_not_pass(value):
    entry = diagnostics.check(summary(), of_independent_draws(pareto_k=value), THRESHOLDS)["pareto_k"]
    assert entry == {"value": None, "threshold": 0.5, "passed": False, "where": None}


def test_a_constant_parameter_does_not_pass():
    draws = np.random.default_rng(4).normal(size=(4, 100))
    table = summarise(dataset(moves=draws, constant=np.full((4, 100), 0.1)))
    entry = diagnostics.check(table, of_nuts(), THRESHOLDS)["rhat"]
    assert entry == {"value": None, "threshold": 1.01, "passed": False, "where": "constant"}


@pytest.mark.parametrize("check", ["rhat", "ess_bulk", "ess_tail"])
def test_a_value_that_is_not_known_does_not_pass(check):
    entry = diagnostics.check(summary(**{check: np.nan}), of_nuts(), THRESHOLDS)[check]
    assert entry == {"value": None, "threshold": THRESHOLDS[check], "passed": False, "where": "b"}


def test_energy_that_does_not_move_does_not_pass():
    energy = np.random.default_rng(3).normal(size=(4, 100))
    energy[2] = 7.0
    entry = diagnostics.check(summary(), of_nuts(energy=energy), THRESHOLDS)["ebfmi"]
    assert entry == {"value": None, "threshold": 0.3, "passed": False, "where": "chain 2"}


def by_the_book(checks, tree):
    """What JSON that knows no nan reads in the file of the checks."""

    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(diagnostics.to_json(checks, tree), parse_constant=refuse)


@pytest.mark.parametrize("diverging", [(0, 0, 0, 0), (0, 2, 0, 0)])
def test_checks_are_json_by_the_book(diverging):
    tree = of_nuts(diverging)
    checks = diagnostics.check(summary(rhat=np.nan), tree, THRESHOLDS)
    assert list(checks) == list(OF_NUTS)
    assert by_the_book(checks, tree) == checks


@pytest.mark.parametrize(("mcse", "told"), [(0.25, 0.25), (np.nan, None)])
def test_the_evidence_is_beside_the_checks_and_is_none(mcse, told):
    tree = of_independent_draws(log_evidence=-12.5, mcse_log_evidence=mcse)
    checks = diagnostics.check(summary(), tree, THRESHOLDS)
    entries = by_the_book(checks, tree)
    assert entries.pop("log_evidence") == {"value": -12.5, "mcse": told}
    assert entries == checks


def test_stop_names_every_failed_check_and_no_other(make_spec):
    checks = diagnostics.check(summary(rhat=1.2, ess_tail=12.5), of_nuts((0, 0, 0, 3)), THRESHOLDS)
    with pytest.raises(StudyError) as error:
        refuse_failed({"m1": (checks, make_spec("y ~ x"))})
    lines = str(error.value).splitlines()
    assert lines[0] == "Model m1 failed 3 of 5 checks, and 'on_failed_check: stop' is set:"
    assert lines[1:-2] == [
        "  rhat is 1.2, the threshold is 1.01 (b)",
        "  ess_tail is 12.5, the threshold is 400 (b)",
        "  divergences is 3, the threshold is 0 (chain 3)",
    ]
    assert "target_accept" in lines[-1]


def test_advice_is_for_the_sampler_that_ran(make_spec):
    checks = diagnostics.check(summary(), of_independent_draws(acceptance=0.1), THRESHOLDS)
    with pytest.raises(StudyError) as error:
        refuse_failed({"m1": (checks, make_spec("y ~ x"))})
    lines = str(error.value).splitlines()
    assert lines[1] == "  acceptance is 0.1, the threshold is 0.3"
    assert "target_accept" not in lines[-1]
    assert "'engine: nuts'" in lines[-1]


def test_stop_lets_a_good_fit_pass(make_spec):
    assert refuse_failed({"m1": (diagnostics.check(summary(), of_nuts(), THRESHOLDS), make_spec("y ~ x"))}) is None


def test_stop_names_all_models_that_failed_and_no_other(make_spec):
    spec = make_spec("y ~ x")
    good, bad = (diagnostics.check(summary(rhat=rhat), of_nuts(), THRESHOLDS) for rhat in (1.0, 1.2))
    with pytest.raises(StudyError) as error:
        refuse_failed({"m1": (bad, spec), "m2": (good, spec), "m3": (bad, spec)})
    said = str(error.value)
    assert [name for name in ("m1", "m2", "m3") if f"Model {name} failed 1 of 5 checks" in said] == ["m1", "m3"]
