"""Integrals over the effects of units beside closed forms and SciPy's quadrature."""

from dataclasses import replace

import numpy as np
import pytest
from partialpool.quadrature import densities as module
from partialpool.quadrature.densities import Given, Nodes, NoQuadrature, cost, densities, enough_nodes, integrate
from partialpool.quadrature.families import FAMILIES
from scipy import integrate as scipy_integrate
from scipy import stats

DRAWS = 3
# Of four units with 5, 3, 1 and 4 rows, in no order.
CODES = np.array([0, 1, 0, 3, 2, 0, 1, 3, 0, 3, 1, 3, 0])
LINKS = {"bernoulli": "logit", "poisson": "log", "gaussian": "identity", "t": "identity", "cumulative": "probit"}


def make_given(family, q, *, seed=1, sd=1.0, n=13):
    rng = np.random.default_rng(seed)
    y = {
        "bernoulli": rng.integers(0, 2, n),
        "poisson": rng.poisson(3, n),
        "cumulative": rng.integers(0, 3, n),
    }.get(family, rng.normal(size=n))
    parameters = {
        "bernoulli": {"n": np.ones((1, 1))},
        "gaussian": {"sigma": rng.uniform(0.5, 1, (DRAWS, 1))},
        "t": {"sigma": rng.uniform(0.5, 1, (DRAWS, 1)), "nu": np.full((DRAWS, 1), 4.0)},
        "cumulative": {
            "lower": np.choose(y.astype(int) % 3, [-np.inf, -0.5, 0.5])[None],
            "upper": np.choose(y.astype(int) % 3, [-0.5, 0.5, np.inf])[None],
        },
    }.get(family, {})
    cholesky = np.tril(rng.normal(size=(DRAWS, q, q))) + sd * np.eye(q)
    z = np.column_stack([np.ones(n), rng.normal(size=n)])[:, :q]
    eta = rng.normal(0.3, 0.3, (DRAWS, n))
    return Given(FAMILIES[family], LINKS[family], y.astype(float), eta, parameters, z, cholesky)


def by_scipy(given, draw, rows):
    """Log density of some rows of a unit at a draw, by adaptive quadrature over the effects."""
    rows = np.asarray(rows)
    known = {name: value[0 if len(value) == 1 else draw] for name, value in given.at(rows[None]).items()}

    q = given.z.shape[1]
    fixed, design = given.eta[draw, rows], given.z[rows] @ given.cholesky[draw]
    constant = given.family.constant(**known).sum() - q / 2 * np.log(2 * np.pi)

    def density(*v):
        by_row = given.family.kernel(eta=fixed + design @ v, link=given.link, **known)
        return np.exp(by_row.sum() + constant - sum(one**2 for one in v) / 2)

    ranges = [(-8, 8)] * q
    value, _ = scipy_integrate.nquad(density, ranges, opts={"epsabs": 1e-9, "epsrel": 1e-6})
    return np.log(value)


@pytest.mark.numbers
@pytest.mark.parametrize(
    ("family", "q"),
    [(family, 1) for family in LINKS] + [("bernoulli", 2), pytest.param("poisson", 2, marks=pytest.mark.slow)],
)
def test_densities_are_those_of_scipys_quadrature(family, q):
    given = make_given(family, q)
    nodes, error = enough_nodes(given, CODES)
    assert error <= module.TOLERANCE
    of_units, of_rows = densities(given, CODES, nodes)
    for draw, unit in ((0, 1), (2, 3))[: 3 - q]:
        rows = np.flatnonzero(np.equal(CODES, unit))
        whole = by_scipy(given, draw, rows)
        assert of_units[draw, unit] == pytest.approx(whole, abs=2e-3)
        rest = by_scipy(given, draw, rows[1:])
        assert of_rows[draw, rows[0]] == pytest.approx(whole - rest, abs=2e-3)


@pytest.mark.parametrize("family", ["bernoulli", "poisson", "cumulative"])
@pytest.mark.parametrize("q", [1, 2])
def test_twice_as_many_nodes_change_less_the_more_there_are(family, q):
    given = make_given(family, q)
    by_nodes = {nodes: np.hstack(densities(given, CODES, Nodes(nodes))) for nodes in (8, 16, 32)}
    errors = [np.abs(by_nodes[nodes] - by_nodes[32]).max() for nodes in (8, 16)]
    assert errors[0] < 3e-2
    assert errors[1] < errors[0] / 10


@pytest.mark.parametrize("q", [1, 2])
def test_normal_measurements_have_their_closed_form_with_a_few_nodes(q):
    given = make_given("gaussian", q)
    of_units, of_rows = densities(given, CODES, Nodes(3))

    def closed(draw, rows):
        loadings = given.z[rows] @ given.cholesky[draw]
        covariance = loadings @ loadings.T + given.parameters["sigma"][draw, 0] ** 2 * np.eye(len(rows))
        return stats.multivariate_normal.logpdf(given.y[rows], given.eta[draw, rows], covariance) if len(rows) else 0.0

    for draw, unit in np.ndindex(DRAWS, 4):
        rows = np.flatnonzero(np.equal(CODES, unit))
        assert of_units[draw, unit] == pytest.approx(closed(draw, rows), abs=1e-6)
        for row in rows:
            conditional = closed(draw, rows) - closed(draw, rows[rows != row])
            assert of_rows[draw, row] == pytest.approx(conditional, abs=1e-6)


@pytest.mark.parametrize("q", [1, 2])
def test_no_rows_have_probability_one(q):
    (nothing,) = integrate(make_given("poisson", q), np.empty((4, 0), int), 8)
    assert nothing.shape == (DRAWS, 4)
    np.testing.assert_allclose(nothing, 0, atol=1e-12)


def test_the_only_row_of_a_unit_has_the_density_of_the_unit():
    of_units, of_rows = densities(make_given("bernoulli", 1), CODES, Nodes(8))
    np.testing.assert_allclose(of_rows[:, 4], of_units[:, 2], atol=1e-12)


def test_a_unit_with_many_rows_keeps_its_nodes():
    given, codes = make_given("poisson", 1, n=30), np.repeat([0, 1], 15)
    moved = densities(given, codes, Nodes(16))
    assert cost(codes, 1, Nodes(16)) == 2 * 15**2 * 16
    kept = densities(given, codes, Nodes(16, moved=10))
    assert cost(codes, 1, Nodes(16, moved=10)) == 30 * 16
    for some, others in zip(moved, kept, strict=True):
        np.testing.assert_allclose(some, others, atol=1e-5)


def test_nodes_are_moved_only_where_that_is_needed():
    """Of counts about 300 one is 0: without it the others say something else, far away from the nodes of all."""
    given, codes = make_given("poisson", 1, n=30), np.repeat(np.arange(5), 6)
    alike = replace(given, y=np.full(30, 2.0))
    nodes, error = enough_nodes(alike, codes)
    assert nodes.moved == module.FEW_ROWS
    better = densities(alike, codes, Nodes(96))
    assert np.abs(densities(alike, codes, nodes)[1] - better[1]).mean(axis=0).max() < 2 * error + 1e-6
    apart = replace(given, y=np.where(np.arange(30) % 6 == 0, 0.0, 300.0))
    nodes, error = enough_nodes(apart, codes)
    assert nodes.moved == module.MANY_ROWS
    assert np.abs(densities(apart, codes, nodes)[1] - densities(apart, codes, Nodes(96))[1]).max() < 1e-3


def test_chunks_and_threads_change_nothing(monkeypatch):
    given = make_given("bernoulli", 2)
    at_once = densities(given, CODES, Nodes(8))
    monkeypatch.setattr(module, "CHUNK", 500)
    for some, others in zip(at_once, densities(given, CODES, Nodes(8), cores=2), strict=True):
        np.testing.assert_allclose(some, others, rtol=1e-9)


@pytest.mark.parametrize("moved", [1, 20])
@pytest.mark.parametrize("family", ["bernoulli", "cumulative"])
def test_units_whose_rows_are_alike_in_another_order_are_computed_once(family, moved, monkeypatch):
    # Rows of few kinds: every unit has some of them, in an order of its own.
    kinds, rng = make_given(family, 1), np.random.default_rng(2)
    of_kind = rng.integers(0, 3, 60)
    parameters = {name: value[:, of_kind] if value.shape[1] > 1 else value for name, value in kinds.parameters.items()}
    given = replace(kinds, y=kinds.y[of_kind], eta=kinds.eta[:, of_kind], parameters=parameters, z=kinds.z[of_kind])
    codes = np.repeat(np.arange(20), 3)
    integrated = []

    def counting(given, sets, *args, **options):
        integrated.append(len(sets))
        return integrate(given, sets, *args, **options)

    monkeypatch.setattr(module, "integrate", counting)
    of_units, of_rows = densities(given, codes, Nodes(8, moved))
    # Ways to take three of three kinds, and two of them.
    assert max(integrated) <= 10
    smaller, at_most = module.below(given, codes, 8)
    for unit in range(20):
        rows = np.flatnonzero(codes == unit)
        alone = densities(given_rows(given, rows), np.zeros(3, dtype=int), Nodes(8, moved))
        np.testing.assert_allclose(of_units[:, [unit]], alone[0], rtol=1e-10)
        np.testing.assert_allclose(of_rows[:, rows], alone[1], rtol=1e-10)
        one = module.below(given_rows(given, rows), np.zeros(3, dtype=int), 8)
        np.testing.assert_allclose([smaller[:, rows], at_most[:, rows]], one, rtol=1e-10, atol=1e-12)


def given_rows(given, rows):
    """The model of some rows alone."""
    parameters = {name: value[:, rows] if value.shape[1] > 1 else value for name, value in given.parameters.items()}
    return replace(given, y=given.y[rows], eta=given.eta[:, rows], parameters=parameters, z=given.z[rows])


def test_the_mode_is_found_where_newtons_first_step_goes_much_too_far():
    given = make_given("poisson", 1, sd=3.0)
    given.y[:] = 10_000
    rows = np.flatnonzero(CODES == 1)
    (value,) = integrate(given, rows[None], 16)
    (better,) = integrate(given, rows[None], 32)
    np.testing.assert_allclose(value, better, atol=1e-8)


def test_where_a_density_is_no_number_the_nodes_are_those_of_the_prior():
    given = make_given("poisson", 2)
    given.eta[:] = np.nan
    rows = np.flatnonzero(CODES == 1)[None]
    own, direction = given.at(rows), given.z[rows] @ np.swapaxes(given.cholesky[:, None], -1, -2)
    _, spread = module.placement(given, own, given.eta[:, rows], direction)
    assert (spread == np.eye(2)).all()


def test_roots_are_those_of_the_inverse_and_hold_where_rounding_makes_a_matrix_singular():
    a = np.random.default_rng(1).normal(size=(5, 3, 3))
    precision = np.eye(3) + a @ np.swapaxes(a, 1, 2)
    root = module._root(precision)
    np.testing.assert_allclose(root @ np.swapaxes(root, 1, 2), np.linalg.inv(precision), rtol=1e-10)
    assert (np.tril(root, -1) == 0).all()
    singular = np.eye(2) + 1e40 * np.ones((2, 2))
    assert np.linalg.matrix_rank(singular) == 1
    np.testing.assert_allclose(module._root(singular), [[1e-20, -1], [0, 1]], rtol=1e-10)


def test_what_does_not_settle_is_refused(monkeypatch):
    monkeypatch.setattr(module, "TOLERANCE", 0.0)
    monkeypatch.setattr(module, "NODES", {1: (8, 12)})
    with pytest.raises(NoQuadrature, match="with 12 and with 24 nodes along each effect"):
        enough_nodes(make_given("t", 1), CODES)
