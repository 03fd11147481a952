import pandas as pd
import pytest
from partialpool.report.variance import named, tabulated

NUMBERS = {"sd": 0.06, "q2.5": 0.4526, "q97.5": 0.6943, "mcse_mean": 0.001, "mcse_q2.5": 0.0043, "mcse_q97.5": 0.0021}


def variance(*rows):
    return pd.DataFrame([dict(zip(("quantity", "at", "meaning"), row, strict=True)) | NUMBERS for row in rows]).assign(
        mean=0.58291
    )


def test_numbers_have_no_decimal_that_is_monte_carlo_error_alone():
    table = tabulated(variance(("icc(id)", "x = 3", "outcome")))
    assert table.to_dict("records") == [
        {"quantity": "icc(id)", "at": "x = 3", "of": "outcome", "mean": "0.583", "2.5 %": "0.45", "97.5 %": "0.69"}
    ]


@pytest.mark.parametrize("nowhere", ["", float("nan")])
def test_no_column_of_places_where_there_are_none(nowhere):
    assert "at" not in tabulated(variance(("R2(conditional)", nowhere, "outcome")))


def test_what_a_table_has_is_named():
    rows = [("icc(id)", "", "latent (logit)"), ("icc(item)", "", "latent (logit)"), ("exp(x)", "", "odds ratio")]
    assert named(variance(*rows)).striptags() == "intraclass correlations, exp() of coefficients"
    assert 'href="#term-icc"' in named(variance(*rows))
