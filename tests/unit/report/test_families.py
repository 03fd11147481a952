from math import gamma

import pytest
from partialpool.report import families


@pytest.mark.parametrize(
    ("family", "parameters", "trials", "expected"),
    [
        ("gaussian", ["sigma"], [], r"\text{Normal}(\mu_{ij}, \sigma)"),
        ("binomial", [], ["n"], r"\text{Binomial}(n, p_{ij})"),
        # Shape and rate, as PyMC's Gamma has them in priors: the mean is their ratio.
        ("gamma", ["alpha"], [], r"\text{Gamma}(\phi, \phi / \mu_{ij})"),
        ("zero_inflated_negativebinomial", [], [], r"\text{ZeroInflatedNegativeBinomial}(\psi, \mu_{ij}, \phi)"),
        # One that is not known has its own name and parameters.
        ("of_tomorrow", ["tau"], [], r"\text{OfTomorrow}(\mu_{ij}, \text{tau})"),
    ],
)
def test_a_distribution_has_the_arguments_of_priors(family, parameters, trials, expected):
    assert families.distribution(family, parameters, trials) == expected


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("identity", r"\mu"),
        ("logit", r"\text{logit}(\mu)"),
        ("inverse_squared", r"1 / \mu^2"),
        ("tan_2", r"\text{tan}(\mu / 2)"),
    ],
)
def test_a_link_is_a_function_or_written_out(link, expected):
    assert families.linked(link, r"\mu") == expected


def test_letters_that_do_not_say_what_they_are_are_explained():
    assert "alpha in the tables" in families.meaning("gamma", "alpha")
    assert "a value over 0" in families.meaning("hurdle_poisson", "psi")
    assert "no excess zero" in families.meaning("zero_inflated_poisson", "psi")
    assert families.meaning("gaussian", "sigma") == ""


def test_means_and_shapes_are_turned_into_arguments_as_bambi_does():
    from bambi.families import univariate as bambi

    assert bambi.Beta.transform_kwargs({"mu": 0.25, "kappa": 4}) == {"alpha": 0.25 * 4, "beta": (1 - 0.25) * 4}
    assert bambi.Exponential.transform_kwargs({"mu": 4}) == {"lam": 1 / 4}
    assert bambi.Weibull.transform_kwargs({"mu": 4, "alpha": 1.5})["beta"] == 4 / gamma(1 + 1 / 1.5)
    # Its variance is that of shape 9 and rate 9 / 4.
    assert bambi.Gamma.transform_kwargs({"mu": 4, "alpha": 9})["sigma"] ** 2 == pytest.approx(9 / (9 / 4) ** 2)
