import numpy as np
import pandas as pd
import pytest
from partialpool.report.beyond import doubts
from partialpool.study.config import load

from report.made_up_study import study_values

ROWS = pd.DataFrame({"farm": ["7", "7", "9"], "year": [0.0, 6.0, 12.0], "soil": ["clay", "sand", "clay"]})


def told(formula, years=(), **entry):
    values = study_values(nouns={"unit": ["herd", "herds"], "measurement": ["count", "counts"]})
    values["models"]["b"] |= {"formula": formula, "priors": {}}
    values["data"] |= {"units_of_measurement": {"year": "years"}}
    some = {"models": ["b"], "average_unit": True} | entry
    study = load(values | {"predictions": {"some": some}, "comparisons": {}, "figures": {}})
    table = pd.DataFrame({"model": "b", "year": np.asarray(years, dtype=float)})
    return doubts(table if len(years) else table.drop(columns="year"), study, "some", {"b": ROWS})


def test_values_within_the_data_are_not_pointed_out():
    assert told("milk ~ year + soil + (1 | farm)", [0, 3.5, 12, 12.1]) == []


def test_values_beyond_the_data_are_named_with_what_the_data_have():
    assert told("milk ~ year + (1 | farm)", [-1, 6, 24, 24]) == [
        "Beyond the data: Year \u22121, 24, where counts have 0 to 12. Nothing in the data says whether the model "
        "holds there."
    ]
    assert "Year 13, 14, 15, 16 and 4 more values, where" in told("milk ~ year + (1 | farm)", range(13, 21))[0]


@pytest.mark.parametrize(
    ("term", "curve"),
    [
        ("bs(year, df=4)", "a spline"),
        ("poly(year, 2) + soil", "a polynomial"),
        ("(1 + poly(year, 2) | farm)", "a poly"),
    ],
)
def test_curves_go_astray(term, curve):
    assert f"and {curve}" in told(f"milk ~ {term} + (1 | farm)", [13])[0]


def test_levels_of_a_contrast_are_looked_at_too():
    assert "Year 24, where" in told("milk ~ year + (1 | farm)", contrast={"year": [0, 24]})[0]


@pytest.mark.parametrize(
    ("formula", "jumps"),
    [
        ("milk ~ year + I(year > 2) + (1 | farm)", True),
        ("milk ~ soil + I((year + 1) >= 2) + (1 | farm)", True),
        ("milk ~ year + I(soil == 'clay') + (1 | farm)", False),
        ("milk ~ year + I(year**2) + (1 | farm)", False),
    ],
)
def test_slopes_leave_out_jumps(formula, jumps):
    said = told(formula, slope="year", rows="observed", average_unit=False, units="all")
    assert [sentence.startswith("A formula compares Year with something") for sentence in said] == [True] * jumps
