"""A model's spec and its data -> ``bambi.Model``, with correlated group effects where the formula asks for them.

Bambi splits ``(1 + x | id)`` into the independent terms ``1|id`` and ``x|id``. Here the terms of one bar share an LKJ
correlation. It enters through Bambi's public ``Prior(dist=...)``: each term keeps its own name, standard deviation and
coefficients, so all of Bambi (``predict`` among it) works on the result, and nothing of Bambi is changed.
"""

from itertools import combinations

# Before Bambi imports it: it looks for its caller among all modules, which are few by now.
import arviz_base  # noqa: F401
import numpy as np
import pandas as pd

from partialpool import people
from partialpool.errors import StudyError, suggest
from partialpool.priors import parse_priors


def formula_variables(formula: str) -> list[str]:
    """Names of the columns that a formula uses.

    Raises
    ------
    StudyError
        If the formula cannot be parsed.
    """
    from formulae import model_description

    if "||" in formula:
        raise StudyError(
            f"formula '{formula}': '||' is not understood. Write independent effects as separate terms: "
            "(1 | person) + (0 + x | person)."
        )
    try:
        return sorted(name for name in model_description(formula).var_names if name)
    except Exception as error:  # formulae raises its own and builtin exceptions alike
        raise StudyError(f"formula '{formula}' cannot be read: {error}") from None


def complete_cases(spec: dict, data: pd.DataFrame) -> pd.DataFrame:
    """Rows on which a model can be fitted.

    Parameters
    ----------
    spec
        The model's spec (``config.Study.fit_spec``).
    data
        Prepared data with column ``row``.

    Returns
    -------
    DataFrame
        The columns of the formula, the person and ``row``; no missing values; the person is categorical.

    Raises
    ------
    StudyError
        If a variable of the formula is no column, or no complete row is left.
    """
    variables = formula_variables(spec["formula"])
    for variable in variables:
        if variable not in data.columns:
            raise StudyError(
                f"formula '{spec['formula']}': there is no column '{variable}'.{suggest(variable, data.columns)} "
                f"Columns: {', '.join(c for c in data.columns if c != 'row')}."
            )
    columns = list(dict.fromkeys([*variables, spec["person"], "row"]))
    rows = data[columns].dropna().reset_index(drop=True)
    if rows.empty:
        raise StudyError(f"formula '{spec['formula']}': no row has values in all of {', '.join(variables)}.")
    rows[spec["person"]] = people.as_categories(rows[spec["person"]])
    for column in rows.columns[[isinstance(t, pd.CategoricalDtype) for t in rows.dtypes]]:
        rows[column] = rows[column].cat.remove_unused_categories()
    return rows


def bars(formula: str) -> list[list[str]]:
    """Names of the group-specific terms, bar by bar.

    ``[['1|id', 'x|id']]`` for ``(1 + x | id)``, ``[['1|id'], ['x|id']]`` for ``(1 | id) + (0 + x | id)``; a bar with
    several grouping factors, ``(1 | a / b)``, counts once for each.
    """
    from formulae.parser import Parser
    from formulae.resolver import Resolver
    from formulae.scanner import Scanner

    def find(node):
        if hasattr(node, "expression"):
            return find(node.expression)
        if not (hasattr(node, "operator") and hasattr(node, "left")):
            return []
        return [node] if node.operator.kind == "PIPE" else find(node.left) + find(node.right)

    found = []
    for bar in find(Parser(Scanner(formula).scan()).parse()):
        resolved = Resolver(bar).resolve()
        by_factor: dict[str, list[str]] = {}
        for term in getattr(resolved, "group_terms", [resolved]):
            by_factor.setdefault(term.name.partition("|")[2], []).append(term.name)
        found += by_factor.values()
    return found


def coefficient_names(term) -> list[str]:
    """Names of the coefficients of a group-specific Bambi term: ``Intercept``, ``x``, ``g[B]``."""
    expr = term.name.partition("|")[0]
    name = "Intercept" if expr == "1" else expr
    levels = [values for dim, values in term.coords.items() if dim.endswith("__expr_dim")]
    return [f"{name}[{level}]" for level in levels[0]] if levels else [name]


class _CorrelatedBlock:
    """The terms of one bar, which build their coefficients one after the other from a shared Cholesky factor.

    With partial correlations p[k, j] ~ 2 Beta(b_k, b_k) - 1, b_k = eta + (q - 2 - k) / 2, the correlation matrix
    L L' is LKJ(eta) (Lewandowski, Kurowicka & Joe 2009, their C-vine). L is lower triangular, so a term needs only the
    standard normal draws of the terms before it and its own, and no matrix is ever factorised: exact up to +-1.
    """

    def __init__(self, terms: list, name: str, eta: float):
        self.name = name
        self.eta = eta
        self.coefficients = [coefficient for term in terms for coefficient in coefficient_names(term)]
        self.model = None

    def prior(self, sd):
        """The Bambi prior of one term of the block; ``sd`` is the prior of its standard deviation."""
        import bambi

        # Centred as far as Bambi knows: it hands over sigma, and the non-centring is done here.
        # A closure, because Bambi copies priors, and the terms of one bar must go on sharing this block.
        def dist(name, sigma, dims):
            return self.build_term(name, sigma, dims)

        return bambi.Prior("LKJNormal", auto_scale=False, dist=dist, noncentered=False, sigma=sd)

    def build_term(self, name: str, sigma, dims):
        import pymc as pm
        import pytensor.tensor as pt

        model = pm.modelcontext(None)
        if self.model is not model:
            self.begin(model, [dim for dim in dims if not dim.endswith(("__factor_dim", "__expr_dim"))])
        is_vector = any(dim.endswith("__expr_dim") for dim in dims)
        z = pm.Normal(f"{name}_z_offset", 0, 1, dims=dims)
        self.z += [z[:, j] for j in range(len(model.coords[dims[1]]))] if is_vector else [z]
        columns = []
        for j in range(len(self.effects), len(self.z)):
            effect = sum(self.cholesky[j][k] * self.z[k] for k in range(j + 1))
            self.effects.append(effect)
            columns.append(effect)
        # (people, coefficients, responses) times (coefficients, responses), or without the middle one.
        effects = pt.stack(columns, axis=1) if is_vector else columns[0]
        return pm.Deterministic(name, effects * sigma, dims=dims)

    def begin(self, model, response_dims: list[str]) -> None:
        self.model, self.z, self.effects = model, [], []
        self.cholesky = correlation_cholesky(self.name, self.coefficients, self.eta, response_dims)


def correlation_cholesky(name: str, coefficients: list[str], eta: float, response_dims: list[str] | None = None):
    """Add an LKJ correlation to the PyMC model of the context.

    Parameters
    ----------
    name
        Of the correlations; their dimension is ``{name}_dim``, with labels such as ``Intercept,x``.
    coefficients
        Names of the q effects.
    eta
        Of LKJ(eta).
    response_dims
        Dimensions over which there is one correlation matrix each.

    Returns
    -------
    list of lists
        Rows of the Cholesky factor of the correlation matrix, q of them with 1 to q entries.
    """
    import pymc as pm
    import pytensor.tensor as pt

    response_dims = response_dims or []
    q = len(coefficients)
    pairs = list(combinations(range(q), 2))
    pair_dim = f"{name}_dim"
    pm.modelcontext(None).add_coord(pair_dim, [f"{coefficients[k]},{coefficients[j]}" for k, j in pairs])
    b = np.array([eta + (q - 2 - k) / 2 for k, _ in pairs])
    b = b.reshape(-1, *[1] * len(response_dims))
    # "_offset" marks variables that Bambi leaves out of the posterior.
    half = pm.Beta(f"{name}_offset", b, b, dims=(pair_dim, *response_dims))
    partial = {pair: 2 * half[i] - 1 for i, pair in enumerate(pairs)}
    rest = {pair: 2 * pt.sqrt(half[i] * (1 - half[i])) for i, pair in enumerate(pairs)}
    cholesky = []
    for j in range(q):
        row, left = [], 1.0
        for k in range(j):
            row.append(partial[k, j] * left)
            left = left * rest[k, j]
        cholesky.append([*row, left])
    correlations = [sum(cholesky[i][k] * cholesky[j][k] for k in range(i + 1)) for i, j in pairs]
    pm.Deterministic(name, pt.stack(correlations), dims=(pair_dim, *response_dims))
    return cholesky


def build(spec: dict, rows: pd.DataFrame):
    """Build the Bambi model of a spec; nothing is compiled yet.

    Parameters
    ----------
    spec
        The model's spec (``config.Study.fit_spec``): formula, family, link, priors, person.
    rows
        Its complete cases (``complete_cases``).

    Returns
    -------
    bambi.Model
        With the spec's priors on every parameter. Correlations are named ``cor_{factor}``.

    Raises
    ------
    StudyError
        If the family is unknown, or a parameter has no prior, or a prior has no parameter.
    """
    import bambi

    try:
        model = bambi.Model(spec["formula"], rows, family=spec["family"], link=spec["link"], auto_scale=False)
    except Exception as error:  # Bambi raises ValueError, KeyError and formulae's own
        raise StudyError(f"formula '{spec['formula']}', family '{spec['family']}': {error}") from None
    parent = model.parameters[model.family.likelihood.parent]
    if parent.hsgp_terms:
        raise StudyError(f"formula '{spec['formula']}': hsgp() terms are not supported.")

    if named := [name for name in (model.response_term.name, *parent.terms) if "/" in name]:
        raise StudyError(
            f"formula '{spec['formula']}': PyMC has no names with a slash, as in '{named[0]}'. "
            "Write a multiplication, I(0.5 * x), or compute the column beforehand."
        )

    if clash := [name for name in parent.terms if name in model.family.likelihood.params]:
        raise StudyError(
            f"formula '{spec['formula']}': '{clash[0]}' is also the name of a parameter of the family "
            f"'{spec['family']}'. Rename the column."
        )

    priors = _Priors(spec)
    wanted = {}
    if parent.intercept_term:
        wanted[parent.intercept_term.name] = priors.take("Intercept").to_bambi()
    for name, term in parent.common_terms.items():
        if term.kind != "offset":
            wanted[name] = priors.take("b", name).to_bambi()
    for name in model.marginal_parameters:
        wanted[name] = priors.take(name).to_bambi()
    for terms, correlation in blocks(spec["formula"], parent.group_specific_terms):
        names = [term.name for term in terms]
        if twice := [name for name in names if name in wanted]:
            raise StudyError(
                f"formula '{spec['formula']}': '{twice[0]}' stands in two terms. (x | person) has an intercept; "
                "write (0 + x | person) for slopes that are independent of it."
            )
        # Its product of such effects and levels of the outcome has the wrong shape or, worse, the wrong values.
        vectors = [term.name for term in terms if len(coefficient_names(term)) > 1]
        if vectors and model.response_term.coords:
            raise StudyError(
                f"formula '{spec['formula']}': Bambi cannot give '{vectors[0]}' several effects in the family "
                f"'{spec['family']}'."
            )
        sds = [_sd(priors, term) for term in terms]
        if correlation is None:
            wanted[names[0]] = bambi.Prior("Normal", auto_scale=False, mu=0, sigma=sds[0])
        else:
            block = _CorrelatedBlock(terms, correlation, dict(priors.take("cor").args)["eta"])
            wanted |= {name: block.prior(sd) for name, sd in zip(names, sds, strict=True)}
    priors.refuse_unused()
    model.set_priors(wanted)
    return model


def blocks(formula: str, terms: dict) -> list[tuple[list, str | None]]:
    """The group-specific Bambi terms of each bar, and the name of their correlation; None for a single effect."""
    found: list[tuple[list, str | None]] = []
    for names in bars(formula):
        own = [terms[name] for name in names]
        correlation = None
        if sum(len(coefficient_names(term)) for term in own) > 1:
            correlation = f"cor_{names[0].partition('|')[2]}"
            while correlation in [taken for _, taken in found]:
                correlation += "_"
        found.append((own, correlation))
    return found


def refuse_summaries(posterior) -> None:
    """Raise StudyError if a posterior has standard deviations of effects and no draws of them."""
    sds = [name for name in posterior.data_vars if "|" in name and name.endswith("_sigma")]
    if lacking := [name for name in sds if name.removesuffix("_sigma") not in posterior]:
        raise StudyError(
            f"This needs draws of the effects {', '.join(name.removesuffix('_sigma') for name in lacking)}, of which "
            "the fit keeps a summary. Write 'person_effects: draws' for the model."
        )


def _sd(priors: "_Priors", term):
    expr = term.name.partition("|")[0]
    return priors.take("sd", "Intercept" if expr == "1" else expr).to_bambi()


class _Priors:
    """The priors of a spec; knows which were asked for, so that none is missing and none is idle."""

    def __init__(self, spec: dict):
        self.formula = spec["formula"]
        self.priors = parse_priors(spec["priors"])
        self.used: set[str] = set()
        self.asked: list[str] = []

    def take(self, klass: str, coefficient: str | None = None):
        own = f"{klass}[{coefficient}]"
        for key in (own, klass):
            if key in self.priors:
                self.used.add(key)
                return self.priors[key]
            self.asked.append(key)
        raise StudyError(
            f"formula '{self.formula}' has a parameter of class '{klass}' "
            f"{f'({coefficient}) ' if coefficient else ''}without a prior. "
            f"Add to its priors, for example:  {klass}: {_EXAMPLES.get(klass, 'Exponential(1)')}"
        )

    def refuse_unused(self) -> None:
        if idle := sorted(set(self.priors) - self.used):
            valid = sorted({*self.used, *self.asked})
            raise StudyError(
                f"formula '{self.formula}' has no parameter for the prior of {', '.join(idle)}. "
                f"Its classes: {', '.join(key for key in valid if not key.endswith('[None]'))}."
            )


_EXAMPLES = {"Intercept": "Normal(0, 1)", "b": "Normal(0, 1)", "cor": "LKJ(1)"}
