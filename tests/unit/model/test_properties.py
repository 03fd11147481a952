"""Models of NUTS: of data that say the same the log density says the same, or exactly what it must."""

import numpy as np
import pytest
from partialpool.model.build import build
from partialpool.model.formula import complete_cases

FORMULA = "y ~ 1 + x + (1 + x | id)"


@pytest.fixture
def log_density(make_spec, units):
    """Log density at a point that is always the same but for what is multiplied, added or turned round in it.

    Priors are those of an outcome that is ``size`` times as large and shifted, and of slopes as many times as large.
    """

    def log_density(frame=units, *, size=1.0, shift=0.0, slope=1.0, backwards=False):
        priors = {
            "Intercept": f"Normal({shift!r}, {1.5 * size!r})",
            "b": f"Normal(0, {size * slope!r})",
            "sd[Intercept]": f"Exponential({1 / size!r})",
            "sd[x]": f"Exponential({1 / (size * slope)!r})",
            "sigma": f"Exponential({2 / size!r})",
        }
        spec = make_spec(FORMULA, "cor", priors=priors)
        model = build(spec, complete_cases(spec, frame))
        model.build()
        compiled = model.backend.model
        rng, point = np.random.default_rng(2), {}
        for name, start in sorted(compiled.initial_point().items()):
            point[name] = rng.normal(0.1, 0.3, np.shape(start))
        times = {"Intercept": size, "x": size * slope}
        logs = {"sigma_log__": size, "1|id_sigma_log__": size, "x|id_sigma_log__": size * slope}
        point |= {name: point[name] * factor for name, factor in times.items()}
        point |= {name: point[name] + np.log(factor) for name, factor in logs.items()}
        point["Intercept"] += shift
        if backwards:
            point |= {name: values[::-1] for name, values in point.items() if name.endswith("z_offset")}
        return float(compiled.compile_logp(mode="FAST_COMPILE")(point))

    return log_density


def test_neither_the_order_of_rows_nor_names_of_units_matter(log_density, units):
    expected = log_density()
    mixed = units.sample(frac=1, random_state=1)
    assert log_density(mixed) == pytest.approx(expected, rel=1e-10)
    assert log_density(units.assign(id=1000 - units["id"]), backwards=True) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("size", [1e-8, 1e8])
def test_another_unit_of_the_outcome_changes_nothing_but_the_unit_of_the_density(log_density, units, size):
    # Of every row, and of the two common coefficients; scales are drawn as logarithms.
    expected = log_density() - (len(units) + 2) * np.log(size)
    assert log_density(units.assign(y=units["y"] * size), size=size) == pytest.approx(expected, rel=1e-10)


def test_an_outcome_that_is_shifted_has_the_same_density(log_density, units):
    shifted = units.assign(y=units["y"] + 100)
    assert log_density(shifted, shift=100.0) == pytest.approx(log_density(), rel=1e-10)


def test_days_for_weeks_divide_slopes(log_density, units):
    in_days = units.assign(x=units["x"] * 7)
    assert log_density(in_days, slope=1 / 7) == pytest.approx(log_density() + np.log(7), rel=1e-10)
