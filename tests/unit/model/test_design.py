"""Models as matrices, beside Bambi's."""

import numpy as np
import pandas as pd
import pytest
from partialpool.errors import StudyError
from partialpool.marginal.closed_form import design
from partialpool.model.build import build
from partialpool.model.formula import bars, complete_cases
from partialpool.model.names import INTERCEPT, bambi_blocks, pair_dim, pair_label

SD, COR = "Intercept b sd sigma", "Intercept b sd cor sigma"
FORMULAS = {
    "mean": ("y ~ 1", "Intercept sigma"),
    "no pooling": ("y ~ 0 + id", "b sigma"),
    "slopes of each unit": ("y ~ 0 + id + id:x", "b sigma"),
    "intercepts": ("y ~ x + (1 | id)", SD),
    "no common coefficients": ("y ~ 0 + (1 | id)", "sd sigma"),
    "slopes": ("y ~ 1 + x + (1 + x | id)", COR),
    "independent slopes": ("y ~ 1 + x + (1 | id) + (0 + x | id)", SD),
    "three effects": ("y ~ x + z + (1 + x + z | id)", COR),
    "two bars of one factor": ("y ~ x + (1 + x | id) + (0 + z + v | id)", COR),
    "transformations": ("log(count + 1) ~ scale(x) + center(z) + np.exp(v) + (1 + scale(z) | id)", COR),
    "functions": ("np.exp(y) ~ log2(x + 1) + abs(z) + exp(v) + I(x**2) + (1 + np.tanh(z) | id)", COR),
    "polynomials": ("y ~ poly(x, 2) + bs(z, df=4) + (1 | id)", SD),
    "several columns before a bar": ("y ~ x + (1 + poly(x, 2) | id)", COR),
    "categories": ("y ~ group + mood + (1 + mood | id)", COR),
    "categories without intercept": ("y ~ 0 + group + mood + (1 | id)", "b sd sigma"),
    "effects of levels": ("y ~ 1 + (0 + mood | id)", "Intercept sd cor sigma"),
    "coded": ("y ~ C(flag) + S(group) + T(mood, ref='good') + (1 + S(mood) | id)", COR),
    "interactions": ("y ~ x * group + z:mood + (1 + x:z | id)", COR),
    "interactions without their parts": ("y ~ x:group + group:mood + (1 + x + x:mood | id)", COR),
    "offset": ("y ~ x + offset(z) + offset(v) + (1 | id)", SD),
    "crossed": ("y ~ x + (1 | id) + (1 | mood)", SD),
    "crossed slopes": ("y ~ x + (1 + x | id) + (1 + x | mood)", COR),
    "one bar behind the other factor's": ("y ~ x + (1 | id) + (1 + x | mood) + (0 + x | id)", COR),
    "slopes of one factor only": ("y ~ x + (1 + x | id) + (0 + x | mood)", COR),
    "categories by both factors": ("y ~ mood + (1 + mood | id) + (1 + mood | group)", COR),
    "nested": ("y ~ x + (1 | group / id)", SD),
    "nested slopes": ("y ~ x + (1 + x | group / id)", COR),
    "nested three deep": ("y ~ x + (1 | group / mood / id)", SD),
    "interaction as factor": ("y ~ x + (1 | mood:group)", SD),
    "parts and interaction as factors": ("y ~ x + (1 | mood) + (1 | group) + (1 | group:mood)", SD),
    "factor of numbers": ("y ~ x + (1 | id) + (1 | count) + (1 | x:count)", SD),
    "factor also a covariate": ("y ~ mood + count + (1 | mood) + (1 | count:mood) + (1 | id)", SD),
    "factor also before a bar": ("y ~ x + (1 + mood | id) + (1 | mood)", COR),
    "factor also an outcome's part": ("I(y + count) ~ x + (1 | count)", SD),
    "factor by a function": ("y ~ x + (1 | C(count)) + (1 | mood:np.sign(z))", SD),
    "categories in another order than text": ("y ~ x + (1 | plate) + (1 | plate:id)", SD),
    "categories in an order of their own": ("y ~ x + (1 | size) + (1 + size | id)", COR),
    "names with spaces": ("y ~ `my x` + (1 + `my x` | `my unit`) + (1 | id:`my unit`)", COR),
}


@pytest.fixture(scope="module")
def measurements(units):
    """Units with more columns: categories in the order of their numbers, and in one that the data say."""
    plates = pd.Categorical(np.tile(["10", "9", "100", "2"], 15), ["2", "9", "10", "100"])
    sizes = pd.Categorical(np.tile(["small", "large", "medium"], 20), ["small", "medium", "large"], ordered=True)
    return units.assign(plate=plates, size=sizes, **{"my x": units["z"] + 1, "my unit": np.tile([3, 20, 100], 20)})


def in_lists(coords) -> dict[str, list]:
    return {dim: list(labels) for dim, labels in coords.items()}


@pytest.mark.parametrize("name", FORMULAS)
def test_matrices_are_those_of_bambi(name, make_spec, measurements):
    spec = make_spec(*FORMULAS[name])
    rows = complete_cases(spec, measurements)
    ours, model = design(spec, rows), build(spec, rows)
    bambis = model.parameters["mu"]
    assert ours.outcome_name == model.response_term.name
    np.testing.assert_array_equal(ours.outcome, model.response_term.data)
    offsets = sum(term.data for term in bambis.offset_terms.values())
    np.testing.assert_allclose(ours.y, ours.outcome - offsets, rtol=1e-14, atol=1e-14)

    intercept = [bambis.intercept_term] if bambis.intercept_term else []
    terms = [*intercept, *bambis.common_terms.values()]
    assert [term.name for term in ours.common] == [term.name for term in terms]
    for term, bambi_term in zip(ours.common, terms, strict=True):
        np.testing.assert_array_equal(term.values, bambi_term.data.reshape(len(rows), -1))
        assert term.level_coords == in_lists({} if bambi_term in intercept else bambi_term.coords)

    assert [block for factor in ours.factors for block in factor.blocks] == sorted(
        bambi_blocks(bars(spec.formula), bambis.group_specific_terms),
        key=lambda block: [factor.name for factor in ours.factors].index(block.terms[0].grouping),
    )
    for factor in ours.factors:
        assert list(factor.columns) == [term.name for term in factor.terms]
        for term in factor.terms:
            bambi_term = bambis.group_specific_terms[term.name]
            columns = factor.z[:, factor.columns[term.name]]
            np.testing.assert_array_equal(columns, bambi_term.predictor.reshape(len(rows), -1))
            np.testing.assert_array_equal(factor.codes, bambi_term.group_index)
            labels = {term.grouping_dim: factor.levels} | term.level_coords
            assert labels == in_lists(bambi_term.coords)


@pytest.mark.parametrize("name", FORMULAS)
def test_variables_and_centring_are_those_of_bambi(name, make_spec, measurements):
    from pytensor.graph.traversal import ancestors

    spec = make_spec(*FORMULAS[name])
    rows = complete_cases(spec, measurements)
    ours, model = design(spec, rows), build(spec, rows)
    model.build()
    built = model.backend.model
    expected = {"sigma": {}} | {term.name: term.level_coords for term in ours.common}
    for factor in ours.factors:
        for term in factor.terms:
            expected |= {
                term.sd_name: term.level_coords,
                term.name: term.level_coords | {term.grouping_dim: factor.levels},
            }
        for block in factor.blocks:
            names = block.coefficients
            pairs = [pair_label(first, second) for i, first in enumerate(names) for second in names[i + 1 :]]
            if block.correlation:
                expected[block.correlation] = {pair_dim(block.correlation): pairs}
    # What Bambi samples in the place of others ends with _offset.
    bambis = {variable for variable in built.named_vars if not variable.endswith("_offset")}
    assert bambis - {"mu", ours.outcome_name} == set(expected)
    for variable, labels in expected.items():
        dims = built.named_vars_to_dims.get(variable) or ()
        assert {dim: [str(label) for label in built.coords[dim]] for dim in dims} == {
            dim: [str(label) for label in values] for dim, values in labels.items()
        }

    has_intercept = INTERCEPT in {term.name for term in ours.common[:1]}
    slopes = np.column_stack([term.values for term in ours.common[has_intercept:]] or [np.empty((len(rows), 0))])
    np.testing.assert_array_equal(ours.x[:, has_intercept:], slopes - ours.centre[has_intercept:])
    if slopes.size:
        constants = [variable.data for variable in ancestors(built.observed_RVs) if hasattr(variable, "data")]
        assert any(np.array_equal(constant, ours.x[:, has_intercept:]) for constant in constants)


def many_levels(**columns):
    """As many levels as would fill the memory: a column each, for each row, would be 3 GB."""
    n = 20_000
    frame = {"id": np.arange(n), "site": np.arange(n) % 3, "x": np.arange(n) / n, "y": 0.0, "row": np.arange(n)}
    return pd.DataFrame(frame | columns)


@pytest.mark.parametrize("effects", ["(1 | id) + (1 | site)", "(1 | site / id)", "(1 | site:id)"])
def test_no_column_is_made_for_each_level(make_spec, effects):
    spec = make_spec(f"y ~ x + {effects}", SD)
    rows = complete_cases(spec, many_levels())
    factors = {factor.name: factor for factor in design(spec, rows).factors}
    if "id" in factors:
        np.testing.assert_array_equal(factors["id"].codes, rows["row"])
    if "site:id" in factors:
        # 60 000 combinations, of which a third have a row.
        np.testing.assert_array_equal(factors["site:id"].codes, rows["site"] * 20_000 + rows["row"])
        assert factors["site:id"].levels[20_000 + 4] == "1:4"


def test_too_many_combinations_of_levels(make_spec):
    spec = make_spec("y ~ 1 + (1 | site:id)", "Intercept sd sigma")
    rows = complete_cases(spec, many_levels(site=np.arange(20_000) // 2))
    with pytest.raises(StudyError, match="site:id has 200000000 levels, all combinations of those of site and id, and"):
        design(spec, rows)


@pytest.mark.parametrize("unused", ["id", "size"])
def test_a_category_without_rows_is_no_level(make_spec, measurements, unused):
    spec = make_spec(f"y ~ 1 + (1 | {unused})", "Intercept sd sigma")
    levels = {"id": "6", "size": "large"}
    left = measurements[measurements[unused].astype(str) != levels[unused]]
    (factor,) = design(spec, complete_cases(spec, left)).factors
    assert levels[unused] not in factor.levels
    assert set(factor.codes) == set(range(len(factor.levels)))


def test_levels_that_the_rows_of_a_part_of_the_data_lack(make_spec, measurements):
    """Units that are left out of a fit stay levels, as in Bambi."""
    spec = make_spec("y ~ 1 + (1 | id) + (1 | size:id)", "Intercept sd sigma")
    rows = complete_cases(spec, measurements)
    part = rows[rows["id"] != "6"].reset_index(drop=True)
    ours, groups = design(spec, part), build(spec, part).parameters["mu"].group_specific_terms
    for factor in ours.factors:
        assert factor.levels == list(groups[f"1|{factor.name}"].groups)
        assert not any(factor.levels[code].endswith(":6") or factor.levels[code] == "6" for code in factor.codes)


@pytest.mark.parametrize(
    ("formula", "classes", "says"),
    [
        ("y ~ 1 + one + (1 | id)", SD, "'one' is constant"),
        ("y ~ 1 + I(0 * x) + (1 | id) + (1 | mood)", SD, r"'I\(0 \* x\)' is constant"),
        ("y ~ 0 + only + (1 | id)", "b sd sigma", "'only' has only 1 category"),
        ("y ~ 1 + (1 + mood | id) + (0 + mood | group)", "Intercept sd cor sigma", "only one of the grouping factors"),
        ("y ~ 1 + (1 | id) + (1 | id_)", "Intercept sd sigma", "'id' and 'id_' differ in underscores only"),
        ("y ~ 1 + x + (1 | id) + (1 | mood) + (1 | id)", SD, r"'1\|id' stands in two terms"),
        ("y ~ 1 + only + (1 | id)", SD, "'only' has only 1 category, as the intercept has"),
        ("y ~ 1 + (1 + only | id)", "Intercept sd sigma", "has only 1 (category, 'yes',|level)"),
    ],
)
def test_what_neither_engine_takes(make_spec, units, formula, classes, says):
    data = units.assign(one=1, only=pd.Categorical(["yes"] * len(units)), id_=units["count"])
    spec = make_spec(formula, classes)
    rows = complete_cases(spec, data)
    for made in (design, build):
        with pytest.raises(StudyError, match=says):
            made(spec, rows)


@pytest.mark.parametrize(
    ("formula", "classes"),
    [
        ("y ~ x + I(2 * x) + (1 + x + I(2 * x) | id)", COR),
        ("y ~ x + one:x + (1 + one | id) + (1 | only)", COR),
        ("y ~ x + (1 + I(0 * x) | id) + (1 | mood)", COR),
    ],
)
def test_columns_that_say_nothing_new_are_kept(make_spec, units, formula, classes):
    """Priors tell their coefficients apart, as in Bambi."""
    spec = make_spec(formula, classes)
    rows = complete_cases(spec, units.assign(one=1, only=pd.Categorical(["yes"] * len(units))))
    ours, bambis = design(spec, rows), build(spec, rows).parameters["mu"]
    assert [term.name for term in ours.common[1:]] == list(bambis.common_terms)
    for factor in ours.factors:
        for term in factor.terms:
            expected = bambis.group_specific_terms[term.name].predictor.reshape(len(rows), -1)
            np.testing.assert_array_equal(factor.z[:, factor.columns[term.name]], expected)
