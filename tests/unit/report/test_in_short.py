from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup
from partialpool.report import in_short
from partialpool.report.results import Results, read
from partialpool.study.config import load

from report.made_up_study import study_values, write_results

HERDS = {"unit": ["herd", "herds"], "measurement": ["weighing", "weighings"]}


@pytest.fixture
def results_of(tmp_path):
    """The results of a made-up study; ``tables`` take the place of those in the files of their names."""

    def make(values: dict, tables: dict | None = None):
        write_results(tmp_path, values)
        for name, table in (tables or {}).items():
            table.to_csv(tmp_path / "results" / name, index=False)
        return read(load(values), tmp_path / "results")

    return make


def lines(results) -> list[str]:
    """What is said in short, a line for each item."""
    text = "\n".join(map(str, in_short.in_short(results))).replace("<li>", "\n<li>")
    return [line for part in text.split("\n") if (line := Markup(part).striptags())]


def test_a_study_with_a_comparison_and_a_failed_check(results_of):
    assert lines(results_of(study_values(nouns=HERDS))) == [
        "Convergence checks failed for b (Growth): bulk ESS: 12 (r_farm[7,Intercept]), should be at least 400. Do not "
        "rely on its estimates.",
        "Data. Yield: 4 weighings of 2 herds, 2 weighings each. 1 row has no value of it. Growth uses 3 weighings of 2 "
        "herds: in the other rows a variable is missing.",
        "Which? Which of Means and Growth predicts new weighings of observed herds better is left open: convergence "
        "checks failed for b. Which of Means and Growth predicts new herds better is left open: Pareto k is too large, "
        "and convergence checks failed for b. Pareto k is over 0.7 for 1 of 3 in a, 1 of 3 in b: these values of elpd "
        "have no trustworthy Monte Carlo error.",
        "Estimates of Means. Posterior mean and 95 % interval.",
        "Intercept: 0.50 (0.25 to 0.75)",
        "sd of Intercept between herds: 0.50 (0.25 to 0.75)",
        "residual sd: 0.50 (0.25 to 0.75)",
        "Fit of Means. The weighings do not lie where the model expects them (LOO-PIT).",
        "Printed numbers. The 2 numbers of A book, each beside ours: 1 reproduced, 1 differs.",
    ]


@pytest.mark.parametrize(
    ("formula", "family", "outcome", "counted"),
    [
        ("ill ~ 1", "bernoulli", pd.Series([1, 0, 1]), 2),
        ("`ill` ~ 1", "bernoulli", pd.Series(pd.Categorical(["a", "b", "a"], categories=["b", "a"])), 2),
        ("ill[b] ~ 1", "bernoulli", pd.Series(pd.Categorical(["a", "b", "a"])), None),
        ("ill ~ 1", "poisson", pd.Series([1, 0, 1]), None),
    ],
)
def test_successes_are_counted_of_yes_no_outcomes_only(formula, family, outcome, counted):
    results = SimpleNamespace(specs={"a": SimpleNamespace(formula=formula, family=family)})
    assert in_short.successes(results, outcome.rename("ill")) == counted


@pytest.mark.parametrize(
    ("formula", "family", "outcome", "level"),
    [
        ("ill ~ 1", "bernoulli", pd.Series([1, 0, 1]), None),
        ("ill ~ 1", "bernoulli", pd.Series(pd.Categorical(["none", "mild", "none"], ["none", "mild"])), "mild"),
        ("ill[none] ~ 1", "bernoulli", pd.Series(pd.Categorical(["none", "mild", "none"], ["none", "mild"])), "none"),
        ("ill ~ 1", "cumulative", pd.Series(pd.Categorical(["none", "mild", "none"], ["none", "mild"])), None),
    ],
)
def test_the_level_of_which_probabilities_are_is_known(formula, family, outcome, level):
    made = SimpleNamespace(
        specs={"a": SimpleNamespace(formula=formula, family=family)}, prepared=pd.DataFrame({"ill": outcome})
    )
    assert Results.success(made, "a") == level


def alone(model: str, **keys) -> dict:
    """A made-up study of one model, without comparisons and what else needs the other."""
    values = study_values(nouns=HERDS)
    values = {key: values[key] for key in ("title", "text", "data", "models")}
    return values | {"models": {model: values["models"][model] | keys}}


def test_one_model_and_nothing_compared(results_of):
    assert [line for line in lines(results_of(alone("a")))[1:] if not line.startswith("Fit of")] == [
        "Estimates of Means. Posterior mean and 95 % interval.",
        "Intercept: 0.50 (0.25 to 0.75)",
        "sd of Intercept between herds: 0.50 (0.25 to 0.75)",
        "residual sd: 0.50 (0.25 to 0.75)",
        "Checks. All 3 convergence checks of 1 model passed.",
    ]


def test_estimates_of_a_model_whose_checks_failed_are_not_to_be_relied_on(results_of):
    told = lines(results_of(alone("b")))
    assert told[0].startswith("Convergence checks failed for b (Growth)")
    assert "Estimates of Growth. Posterior mean and 95 % interval. Do not rely on them: checks failed." in told
    assert not any(line.startswith("Checks.") for line in told)


def test_units_of_measurement_of_outcome_and_covariate(results_of):
    values = alone("b")
    values["data"]["units_of_measurement"] = {"milk": "kg", "year": "years"}
    told = lines(results_of(values))
    assert told[1].startswith("Data. Yield (kg): 4 weighings of 2 herds")
    assert told[3:7] == [
        "Intercept: 0.50 kg (0.25 to 0.75)",
        "Year: 0.50 kg per year (0.25 to 0.75)",
        "sd of Intercept between herds: 0.50 kg (0.25 to 0.75)",
        "residual sd: 0.50 kg (0.25 to 0.75)",
    ]


def test_a_binary_outcome_has_odds_ratios_and_scales_of_the_link(results_of):
    priors = {"Intercept": "Normal(0, 1)", "b": "Normal(0, 1)", "sd": "Exponential(1)"}
    values = alone("b", family="bernoulli", priors=priors)
    values["data"]["units_of_measurement"] = {"milk": "kg", "year": "years"}
    numbers = {"mean": 1.75, "sd": 0.25, "q2.5": 1.25, "q97.5": 2.125}
    numbers |= dict.fromkeys(("mcse_mean", "mcse_q2.5", "mcse_q97.5"), 0.001)
    ratios = pd.DataFrame({"quantity": ["exp(Intercept)", "exp(year)"], "meaning": ["odds", "odds ratio"], "at": ""})
    told = lines(results_of(values, {"models/b.variance.csv": ratios.assign(**numbers)}))
    assert told[3:6] == [
        "Intercept: odds 1.75 (1.25 to 2.12)",
        "Year: odds ratio 1.75 per year (1.25 to 2.12)",
        "sd of Intercept between herds: 0.50 on the logit scale (0.25 to 0.75)",
    ]


def test_a_term_with_many_coefficients_is_told_by_its_range(results_of, monkeypatch):
    results = results_of(alone("a"))
    monkeypatch.setattr(in_short, "MOST_COEFFICIENTS", 0)
    assert "Intercept: 1 coefficients, from 0.50 to 0.50" in lines(results)


def test_every_number_of_the_estimates_is_that_of_the_table(results_of):
    """Each as it stands in the file, rounded by its own Monte Carlo error: by hand, so that rounding is checked too."""
    rng = np.random.default_rng(1)
    names = ["Intercept", "sd(Intercept)", "sigma"]
    table = pd.DataFrame({"parameter": names, "mean": rng.normal(size=3), "sd": 0.0784, "rhat": 1.0})
    table["q2.5"], table["q97.5"] = table["mean"] - 0.154, table["mean"] + 0.154
    table = table.assign(ess_bulk=900.0, ess_tail=900.0, mcse_mean=0.002, mcse_sd=0.001)
    table["mcse_q2.5"], table["mcse_q97.5"] = 0.015, 0.004
    told = lines(results_of(alone("a"), {"models/a.summary.csv": table}))[2:5]
    for line, row in zip(told, table.to_dict("records"), strict=True):
        # Two digits of the sd are thousandths; an error of 0.002 leaves hundredths, one of 0.015 tenths of both ends.
        # But an interval that is 0.31 wide has hundredths.
        shown = f"{row['mean']:.2f} ({row['q2.5']:.2f} to {row['q97.5']:.2f})".replace("-", "−")
        assert line.endswith(f": {shown}")
