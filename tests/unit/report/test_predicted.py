import pandas as pd
import pytest
from partialpool.report.captions import predictions
from partialpool.report.predicted import sentences, tabulated
from partialpool.study.config import load

from report.made_up_study import study_values

CONTRAST = {"models": ["b"], "average_unit": True, "contrast": {"year": [1, 2]}, "rope": [-0.5, 0.5]}
SLOPE = {"models": ["b"], "units": "all", "rows": "observed", "slope": "year", "average": True}
HERDS = {"unit": ["herd", "herds"], "measurement": ["count", "counts"]}


def study_of(**entry):
    values = study_values(nouns=HERDS)
    values["data"]["labels"] = {"milk": "Yield", "farm": "Farm", "year": "Year"}
    return load(values | {"predictions": {"some": entry}, "figures": {}})


def row(unit, mean=0.5, low=0.1, high=0.9, **more):
    return {"model": "b", "quantity": "expected", "id": unit, "mean": mean, "q2.5": low, "q97.5": high, **more}


def told(*arguments, success=None):
    said = sentences(*arguments, success=lambda model: success)
    return [sentence.replace("\N{NO-BREAK SPACE}", " ") for sentence in said]


def test_the_unit_is_named_by_its_noun_whatever_labels_say():
    shown = tabulated(pd.DataFrame([row("6", 0.1234, 0.0, 0.4, year=1.0)]), study_of(models=["b"], units="all"), "some")
    assert shown.columns.tolist() == ["model", "quantity", "herd", "mean", "q2.5", "q97.5", "Year"]
    assert shown.loc[0, ["mean", "Year"]].tolist() == ["0.12", "1"]


def test_values_of_covariates_have_signs_of_their_own():
    rows = pd.DataFrame([row("6", year=year, dose=dose) for year, dose in [(-2, -0.5), (0, 1.0), (2030, 184.80234)]])
    shown = tabulated(rows, study_of(models=["b"], units="all"), "some")
    assert shown["Year"].tolist() == ["−2", "0", "2030"]
    assert shown["dose"].tolist() == ["−0.5", "1", "184.802"]


def test_what_is_no_unit_is_called_by_the_noun_too():
    ids = ["average unit", "population", "observed units", "observed and new units", "7"]
    shown = tabulated(pd.DataFrame([row(unit) for unit in ids]), study_of(models=["b"], units="all"), "some")
    assert shown["herd"].tolist() == ["average herd", "all herds", "observed herds", "observed and new herds", "7"]


def test_new_units_are_told_from_observed_ones():
    table = pd.DataFrame([row(unit) for unit in ("new 1", "new units")])
    shown = tabulated(table, study_of(models=["b"], new_units=1, at={"year": [1]}), "some")
    assert shown["herd"].tolist() == ["new 1", "new herds"]


def test_further_columns_are_rounded_and_named():
    more = {"contrast": "year: 2 - 1", "p_above_0": 1.0, "in_rope": 0.12345, "integration_error": 3.21e-9}
    shown = tabulated(pd.DataFrame([row("population", **more)]), study_of(**CONTRAST), "some")
    expected = {
        "P(> 0)": "over 0.999",
        "P(−0.5 to 0.5)": "0.123",
        "integration error": "3e-09",
    }
    assert shown[list(expected)].loc[0].to_dict() == expected
    assert "contrast" not in shown
    shown = tabulated(pd.DataFrame([row("7", slope="year", p_above_0=0.5)]), study_of(**SLOPE), "some")
    assert "slope" not in shown


def test_a_contrast_is_told():
    values = pd.DataFrame([row("average unit", -0.25, -0.75, 0.25, dose=1.5, contrast="", p_above_0=0.16, in_rope=0.8)])
    assert told(values, study_of(**CONTRAST), "some") == [
        "Growth, average herd, dose 1.5: with Year 2 in place of 1, expected Yield changes by −0.25 (95 % interval "
        "−0.75 to 0.25); the probability that it is larger is 0.160, that it is from −0.5 to 0.5 is 0.800."
    ]


def test_a_ratio_is_told():
    entry = {"models": ["b"], "population": True, "contrast": {"year": [1, 2]}, "ratio": True}
    values = pd.DataFrame([row("population", 1.5, 1.0, 2.0, contrast="", p_above_1=1.0)])
    assert told(values, study_of(**entry), "some") == [
        "Growth, all herds: with Year 2 in place of 1, expected Yield is 1.50 times as large (95 % interval 1.00 to "
        "2.00); the probability that it is larger is over 0.999."
    ]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"formula": "milk ~ year + (1 | herd)"}, "expected Yield changes"),
        ({"formula": "log(milk) ~ year + (1 | herd)"}, "expected log(milk) changes"),
        ({"formula": "milk ~ year + (1 | herd)", "family": "bernoulli"}, "the probability of Yield changes"),
        ({"formula": "p(milk, n) ~ year + (1 | herd)", "family": "binomial"}, "the probability of Yield changes"),
    ],
)
def test_what_is_expected_is_told(model, words):
    values = study_values(nouns=HERDS)
    values["data"]["labels"] = {"milk": "Yield"}
    values["models"]["b"] = {"title": "Growth"} | model
    study = load(values | {"predictions": {"some": CONTRAST}, "figures": {}, "comparisons": {}})
    rows = pd.DataFrame([row("average unit", p_above_0=0.5, in_rope=0.5, contrast="")])
    assert words in told(rows, study, "some")[0]


def test_of_a_yes_no_outcome_it_is_the_probability_of_a_level():
    values = study_values(nouns=HERDS)
    values["models"]["b"] = {"title": "Growth", "formula": "milk ~ year + (1 | herd)", "family": "bernoulli"}
    study = load(values | {"predictions": {"some": CONTRAST}, "figures": {}, "comparisons": {}})
    rows = pd.DataFrame([row("average unit", p_above_0=0.5, in_rope=0.5, contrast="")])
    assert "the probability of Yield much changes" in told(rows, study, "some", success="much")[0]


def test_of_levels_it_is_the_probability_of_each_that_changes():
    values = study_values(nouns=HERDS)
    values["data"]["labels"] = {"milk": "Yield"}
    values["models"]["b"] = {"title": "Growth", "formula": "milk ~ year + (1 | farm)", "family": "cumulative"}
    study = load(values | {"predictions": {"some": CONTRAST}, "figures": {}, "comparisons": {}})
    rows = pd.DataFrame([row("average unit", milk="low", dose=2, p_above_0=0.5, in_rope=0.5, contrast="")])
    [sentence] = told(rows, study, "some")
    assert sentence.startswith(
        "Growth, average herd, dose 2: with year 2 in place of 1, the probability of Yield low changes by 0.50 (95 %"
    )


def test_a_slope_is_told():
    values = pd.DataFrame([row("observed units", slope="year", p_above_0=0.99), row("7", slope="year", p_above_0=0.5)])
    first, second = told(values, study_of(**SLOPE), "some")
    assert first == (
        "Growth, observed herds: for each unit of Year, expected Yield changes by 0.50 (95 % interval 0.10 to 0.90); "
        "the probability that it rises is 0.990."
    )
    assert second.startswith("Growth, herd 7: for each")


def test_values_and_long_tables_have_no_sentences():
    assert told(pd.DataFrame([row("7")]), study_of(models=["b"], units="all"), "some") == []
    many = pd.DataFrame([row("7", slope="year", p_above_0=0.5)] * 9)
    assert told(many, study_of(**SLOPE), "some") == []


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            {"models": ["b"], "average_unit": True},
            "average herd, whose group-level effects are all 0, at the means of numbers and the first levels of "
            "categories that are not named; draws",
        ),
        (
            {"models": ["b"], "population": True, "at": {"year": [1]}},
            "mean over all herds of the population, which are integrated out exactly; draws",
        ),
        (CONTRAST, "are all 0; expected value with Year 2 minus that with 1; draws: 4000 of b"),
        (CONTRAST | {"ratio": True, "rope": [0.9, 1.1]}, "expected value with Year 2 divided by that with 1"),
        (
            SLOPE,
            "observed herds, at the rows of the model, averaged over all rows; change of the expected value for each "
            "unit of Year; draws",
        ),
        (
            {"models": ["b"], "units": "all", "rows": "new.csv", "by": "farm"},
            "herds of the rows of new.csv, new ones where the model does not know them, averaged over rows with the "
            "same Farm; draws",
        ),
    ],
)
def test_captions_say_of_whom_where_and_what(entry, words):
    assert words in predictions(study_of(**entry), "some")


@pytest.mark.parametrize(
    ("formula", "named"),
    [
        ("milk ~ year + (1 | farm / barn)", False),
        ("milk ~ year + (1 | farm) + (1 | barn)", False),
        ("milk ~ year + barn + (1 | farm) + (1 | barn)", True),
        ("milk ~ year + (1 + breed | farm / barn)", True),
    ],
)
def test_grouping_factors_whose_effects_are_left_out_have_no_first_level(formula, named):
    values = study_values(nouns=HERDS)
    values["models"]["b"] = {"title": "Growth", "formula": formula}
    entry = {"models": ["b"], "population": True, "at": {"year": [1]}}
    study = load(values | {"predictions": {"some": entry}, "figures": {}, "comparisons": {}})
    assert ("first levels of categories that are not named" in predictions(study, "some")) == named


def test_captions_say_how_the_population_is_integrated():
    values = study_values()
    values["models"]["b"] |= {"family": "bernoulli", "priors": {"Intercept": "Normal(0, 1)", "b": "Normal(0, 1)"}}
    values["models"]["b"]["priors"]["sd"] = "Exponential(1)"
    entry = {"models": ["b"], "population": True}
    study = load(values | {"predictions": {"some": entry}, "figures": {}, "comparisons": {}})
    assert "integrated out by quadrature (integration error: the largest difference" in predictions(study, "some")


def test_an_exact_mean_has_no_column_of_errors():
    shown = tabulated(pd.DataFrame([row("population", integration_error=0.0)]), study_of(**CONTRAST), "some")
    assert "integration error" not in shown


def test_what_a_model_does_not_have_is_a_dash():
    rows = [row("population", breed="sand", dose=1.0), row("population", breed=None, dose=None)]
    shown = tabulated(pd.DataFrame(rows), study_of(models=["b"], population=True), "some")
    assert shown["breed"].tolist() == ["sand", "–"]
    assert shown["dose"].tolist() == ["1", "–"]
