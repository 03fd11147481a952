import json

import numpy as np
import pandas as pd
import pytest
from partialpool.audit import reference
from partialpool.audit.reference import COLUMNS, COMPARISON, judge, keep
from partialpool.errors import StudyError
from partialpool.fit.diagnostics import SUMMARY_COLUMNS
from partialpool.loo.compare import COLUMNS as LOO_COLUMNS

SPEC = {
    "formula": "y ~ 1 + x + (1 | id)",
    "family": "gaussian",
    "link": None,
    "priors": {"Intercept": "Normal(0, 1)", "b": "Normal(0, 1)"},
    "unit": "id",
    "chains": 4,
    "draws": 1000,
    "seed": 9,
}
PARAMETERS = ["Intercept", "x", "sigma"]


def manifest(**changes):
    return {
        "data_sha256": "a" * 64,
        "models": {"one": SPEC, "two": SPEC | {"formula": "y ~ 1 + (1 | id)"}},
        "comparisons": {"both": ["one", "two"]},
        "code": {"fit_model": "1", "compare_models": "2"},
        "versions": {"python": "3.13.0", "numpy": "2.5.5"},
        "lock": "b" * 64,
        "platform": "Linux x86_64",
    } | changes


def with_spec(**changes):
    return manifest(models=manifest()["models"] | {"one": SPEC | changes})


def summary(shift=0.0):
    """Every number is 1 and has a Monte Carlo error of 0.01."""
    table = pd.DataFrame({"parameter": PARAMETERS} | dict.fromkeys(SUMMARY_COLUMNS[1:], 1.0 + shift))
    return table.assign(**dict.fromkeys(table.filter(like="mcse_"), 0.01))


def comparison(first="one", second="two", gap=0.1):
    """Two models, whose totals have Monte Carlo errors of 0.05, and plain PSIS without."""
    errors = [f"mcse_{quantity}" for quantity in COMPARISON]
    row = dict.fromkeys(LOO_COLUMNS, 1.0) | dict.fromkeys(errors, 0.05)
    best = {"model": first, "rank": 0, "elpd_loo": 10.0, "elpd_diff": 0.0, "se_diff": 0.0}
    other = {"model": second, "rank": 1, "elpd_loo": 10 - gap, "elpd_diff": -gap, "se_diff": 0.3}
    integrated = {"estimand": "observation", "method": "integrated"}
    exact = {"mcse_elpd_diff": 0.0, "mcse_se_diff": 0.0}
    records = [row | best | integrated | exact, row | other | integrated]
    plain = {"estimand": "observation", "method": "psis"} | dict.fromkeys(errors, np.nan)
    return pd.DataFrame(records + [record | plain for record in records])


@pytest.fixture
def write(tmp_path):
    """Write results, changed by functions of their tables by name; returns the paths."""

    def write(both=None, **changed):
        tables = {"models/one.summary.csv": summary(), "models/two.summary.csv": summary()}
        tables["comparison/both.csv"] = comparison() if both is None else both
        for model, table in changed.items():
            tables[f"models/{model}.summary.csv"] = table
        for name, table in tables.items():
            (tmp_path / "results" / name).parent.mkdir(parents=True, exist_ok=True)
            table.to_csv(tmp_path / "results" / name, index=False)
        return [str(tmp_path / "results" / name) for name in tables]

    return write


@pytest.fixture
def compare(tmp_path, write):
    """Keep the usual results, and hold changed ones against them."""
    keep(tmp_path / "reference", manifest(), write())

    def compare(made_from=None, both=None, **changed):
        return reference.compare(tmp_path / "reference", made_from or manifest(), write(both, **changed))

    return compare


def verdicts(table):
    return table["verdict"].value_counts().to_dict()


def test_unchanged_results_are_the_same_bit_for_bit(compare):
    table, text = compare()
    assert list(table.columns) == COLUMNS
    # Two models of 3 parameters, 4 numbers each; two models, 6 totals each.
    assert verdicts(table) == {"same": 36}
    assert text.splitlines()[0].endswith("reference/: 36 same, 0 within Monte Carlo error, 0 changed.")
    assert "Not judged: 12 totals and evidences" in text
    assert len(text.splitlines()) == 2
    assert judge(table, text, where="here.csv") == text


def with_evidence(**values):
    """The comparison with evidences by model; their Monte Carlo errors are 0.01."""
    table = comparison()
    evidence = table["model"].map(values)
    return table.assign(log_evidence=evidence, mcse_log_evidence=(0.01 * evidence.notna()).where(evidence.notna()))


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        ({"one": 5.0, "two": -3.0}, {"one": "same", "two": "same"}),
        ({"one": 5.03, "two": -3.2}, {"one": "within Monte Carlo error", "two": "changed"}),
        ({"one": 5.0}, {"one": "same"}),
    ],
)
def test_the_evidence_of_a_model_is_judged_once(write, tmp_path, ours, expected):
    keep(tmp_path / "reference", manifest(), write(with_evidence(one=5.0, two=-3.0)))
    table, _ = reference.compare(tmp_path / "reference", manifest(), write(with_evidence(**ours)))
    evidence = table[table["quantity"] == "log_evidence"]
    assert len(table) == 36 + len(evidence)
    assert evidence.set_index("model")["verdict"].to_dict() == expected


def test_a_reference_without_evidence_has_none_to_judge(compare):
    table, _ = compare(both=with_evidence(one=5.0, two=-3.0))
    assert verdicts(table) == {"same": 36}


def test_the_last_bit_counts(compare):
    table, _ = compare(one=summary().assign(mean=np.nextafter(1, 2)))
    assert verdicts(table) == {"same": 33, "within Monte Carlo error": 3}


def test_errors_of_both_runs_and_how_many_numbers_there_are_say_how_far_apart_they_may_be(compare):
    table, _ = compare(one=summary().assign(mean=1.05, mcse_mean=0.02))
    row = table.set_index(["model", "parameter", "quantity"]).loc[("one", "x", "mean")]
    assert row["mcse"] == pytest.approx(np.hypot(0.01, 0.02), rel=1e-12)
    # R: qt(1 - 0.001 / (2 * 36), (1e-4 + 4e-4)^2 / ((1e-4)^2 / 4000 + (4e-4)^2 / 4000))
    assert row["tolerance"] / row["mcse"] == pytest.approx(4.19426793645, rel=1e-9)
    assert row["verdict"] == "within Monte Carlo error"
    limit = table.set_index(["model", "parameter", "quantity"]).loc[("two", "x", "q2.5")]
    assert limit["tolerance"] / limit["mcse"] > 1.2 * row["tolerance"] / row["mcse"]


@pytest.mark.numbers
@pytest.mark.parametrize("freedom", [10, 40])
def test_another_seed_is_a_false_alarm_as_rarely_as_is_said(freedom):
    """Errors that are estimated with so many degrees of freedom, in families of 20 numbers."""
    rng, families, n = np.random.default_rng(5), 40_000, 20
    ours, theirs = rng.normal(size=(2, families, n))
    errors = np.sqrt(rng.chisquare(freedom, size=(2, families, n)) / freedom)
    combined = (errors**4 / freedom).sum(axis=0)
    multiple = reference._multiple((errors**2).sum(axis=0) ** 2 / combined, n)
    outside = (abs(ours - theirs) > multiple * np.hypot(*errors)).any(axis=1).mean()
    # 40 alarms are to be expected; of more than 65 one would hear once in ten thousand times.
    assert outside < 65 / families


def test_a_number_further_off_is_changed_and_named(compare):
    table, text = compare(two=summary(shift=0.2))
    assert verdicts(table) == {"same": 24, "changed": 12}
    assert "models/two.summary.csv: 12 of 12; Intercept mean: 1 -> 1.2 (tolerance 0.0" in text
    with pytest.raises(StudyError, match=r"(?s)12 changed.*All of them are in here\.csv.*keep_reference"):
        judge(table, text, where="here.csv")


def test_a_changed_prior_changes_its_model_whatever_the_numbers(compare):
    table, text = compare(with_spec(priors={"Intercept": "Normal(0, 1)", "b": "Normal(0, 2)"}))
    assert set(table.loc[table["model"] == "one", "verdict"]) == {"changed"}
    assert set(table.loc[table["model"] == "two", "verdict"]) == {"same"}
    assert "  one: prior of b: Normal(0, 1) -> Normal(0, 2)\n" in text


def test_the_number_that_is_named_is_the_one_furthest_off(compare):
    _, text = compare(manifest(data_sha256="c" * 64), two=summary().assign(sd=[1, 1, 1.01], mean=[1, 1.02, 1]))
    assert "models/two.summary.csv: 12 of 12; x mean: 1 -> 1.02 (" in text
    assert "models/one.summary.csv: 12 of 12; Intercept mean: 1 -> 1 (" in text


def test_changed_data_change_everything(compare):
    table, text = compare(manifest(data_sha256="c" * 64))
    assert set(table["verdict"]) == {"changed"}
    assert f"  one, two: data: sha256 {'a' * 12} -> {'c' * 12}\n" in text


def test_a_seed_a_version_a_platform_and_code_are_told_and_change_nothing(compare):
    other = with_spec(seed=10) | {"versions": {"python": "3.13.0", "numpy": "3.0"}, "lock": "d" * 64}
    other |= {"platform": "Darwin arm64", "code": {"fit_model": "1", "compare_models": "3"}}
    table, text = compare(other)
    assert set(table["verdict"]) == {"same"}
    assert text.splitlines()[-5:] == [
        "  one: seed: 9 -> 10",
        "  version of numpy: 2.5.5 -> 3.0",
        "  requirements.lock: other pins",
        "  code of compare_models",
        "  platform: Linux x86_64 -> Darwin arm64",
    ]


def test_a_parameter_on_one_side_only_is_changed(compare):
    table, text = compare(one=summary().assign(parameter=["Intercept", "z", "sigma"]))
    changed = table[table["verdict"] == "changed"]
    assert set(changed["parameter"]) == {"x", "z"}
    assert changed.loc[changed["parameter"] == "x", "ours"].isna().all()
    assert changed.loc[changed["parameter"] == "z", "reference"].isna().all()
    assert "none" in text


def test_another_best_model_within_error_is_no_change(compare):
    """Two models as good as each other: which is first is up to the draws."""
    table, text = compare(both=comparison("two", "one", gap=0.02))
    differences = table[table["quantity"] == "elpd_diff"].set_index("model")
    assert differences.loc["two", ["reference", "ours"]].tolist() == [-0.1, pytest.approx(0.02)]
    assert differences.loc["one", ["reference", "ours"]].tolist() == [0, 0]
    assert "se_diff" not in set(table["quantity"])
    assert "changed" not in verdicts(table)
    assert "Not judged: 14 totals" in text


def test_plain_psis_on_one_side_only_is_not_judged(compare):
    table, _ = compare(both=comparison().head(2))
    assert verdicts(table) == {"same": 36}


def test_a_model_that_is_new_is_changed(compare):
    models = manifest()["models"] | {"three": SPEC}
    table, text = compare(manifest(models=models), three=summary())
    assert set(table.loc[table["model"] == "three", "verdict"]) == {"changed"}
    assert "  three: not in the reference" in text


def test_keeping_replaces_what_was_kept(tmp_path, compare, write):
    models = {"one": SPEC}
    keep(tmp_path / "reference", manifest(models=models, comparisons={}), write()[:1])
    assert {path.name for path in (tmp_path / "reference").rglob("*.*")} == {"manifest.json", "one.summary.csv"}
    assert json.loads((tmp_path / "reference/manifest.json").read_text())["models"] == models


def test_a_reference_that_is_missing_damaged_or_not_whole_says_how_to_make_one(tmp_path, compare):
    folder = tmp_path / "reference"
    (folder / "models/one.summary.csv").unlink()
    with pytest.raises(StudyError, match=r"it lacks .*one\.summary\.csv.*keep_reference"):
        compare()
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(StudyError, match=r"damaged.*keep_reference"):
        compare()
    (folder / "manifest.json").unlink()
    with pytest.raises(StudyError, match=r"There is no reference.*keep_reference"):
        compare()
