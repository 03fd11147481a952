"""What the pipeline says to the items of ``guidelines``: each function makes an answer from the results.

They say what is true of these results: what was not done is not in them.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from partialpool.model.parts import columns, trials
from partialpool.report.checks import failed
from partialpool.report.numbers import number
from partialpool.report.results import Results


class Said(NamedTuple):
    """Words, the section of the report where it stands, whether nobody has to add to them, and whether they answer."""

    words: str = ""
    section: str = ""
    is_whole: bool = False
    is_answer: bool = True


def nothing(results: Results) -> Said:
    """Of what no pipeline knows."""
    return Said()


def variables(results: Results) -> Said:
    """What is predicted, from what, and how many measurements there are."""
    data, names = results.study.data, [columns(model.formula) for model in results.study.models.values()]
    outcomes = dict.fromkeys(own[0] for own in names)
    tried = dict.fromkeys(name for model in results.study.models.values() for name in trials(model.formula))
    others = dict.fromkeys(name for own in names for name in own[1:] if name not in {*outcomes, *tried, data.unit})
    of_trials = f", of trials: {_labels(results, tried)}" if tried else ""
    predictors = f"; predictors: {_labels(results, others)}" if others else "; no predictors"
    measured = results.prepared.dropna(subset=[data.outcome])
    n_units = measured[data.unit].nunique()
    return Said(
        f"Outcome: {_labels(results, outcomes)}{of_trials}{predictors}; {len(measured)} "
        f"{data.nouns.measurement[1]} of {n_units} {data.nouns.unit[1]}. The section describes all variables, and the "
        "rows that each model uses.",
        "data",
    )


def likelihood(results: Results) -> Said:
    """Equations and meanings."""
    return Said(
        f"Of each of {len(results.trees)} models the equations by level, the distribution of the outcome, the "
        "covariance of group-level effects, and what every parameter means.",
        "models",
    )


def priors(results: Results) -> Said:
    """Where the priors are, and who chose them."""
    automatic = _automatic(results)
    chosen = f" Chosen by Bambi from the data: {'; '.join(automatic)}." if automatic else " All are the study's own."
    return Said(f"The prior of every parameter stands with the equations of its model.{chosen}", "models")


def priors_shown(results: Results) -> Said:
    """The same, and what they expect of the data."""
    words = priors(results).words
    return Said(f"{words} {prior_predictive(results).words}".strip(), "models")


def specification(results: Results) -> Said:
    """Formulas and equations."""
    return Said("Formulas in the notation of lme4 and brms, and equations with all priors.", "models")


def prior_predictive(results: Results) -> Said:
    """Whether there is one."""
    if not results.study.checks.prior:
        return Said()
    return Said("Of each model: what its priors expect of the outcome, beside the data.", "models")


def software(results: Results) -> Said:
    """Versions."""
    versions = dict.fromkeys(tree.attrs["versions"] for tree in results.trees.values())
    told = [", ".join(f"{name} {version}" for name, version in json.loads(one).items()) for one in versions]
    return Said(f"{'; and '.join(told)}.", "provenance")


def convergence(results: Results) -> Said:
    """R-hat, and which checks failed."""
    return Said(f"{_extreme(results, 'rhat', 'Largest R-hat')} {_passed(results)}", "models")


def resolution(results: Results) -> Said:
    """Effective sample sizes."""
    return Said(f"{_effective(results)} Those of every parameter are in results/models/*.summary.csv.", "models")


def not_mcmc(results: Results) -> Said:
    """What is exact and what is not."""
    fits = {name: tree.attrs for name, tree in results.trees.items()}
    by_nuts = [name for name, fit in fits.items() if fit["sampling"] == "nuts"]
    words = [f"{_titles(results, by_nuts)}: all draws are by MCMC (NUTS)."] if by_nuts else []
    engines = {
        "marginal": ("scales", "; given the scales, coefficients are drawn exactly"),
        "quadrature": (
            "common coefficients and scales",
            "; effects were integrated out by quadrature, and are then drawn by rejection, or by a Metropolis chain of "
            "each unit's own where it has several",
        ),
        "independent": ("all parameters", ""),
    }
    for engine, (what, rest) in engines.items():
        own = [name for name in fits if name not in by_nuts and fits[name]["engine"] == engine]
        if own:
            k, taken = max(fits[name]["pareto_k"] for name in own), min(fits[name]["acceptance"] for name in own)
            words.append(
                f"{_titles(results, own)}: {what} by independence Metropolis, at least {100 * taken:.0f} % of whose "
                f"proposals were accepted (largest Pareto k of their weights {number(k, 2)}){rest}."
            )
    if results.compared:
        words.append("Cross-validation weights draws by importance; the tables have the largest Pareto k.")
    return Said(" ".join(words), "models")


def predictive(results: Results) -> Said:
    """Whether there is a posterior predictive check."""
    if not all("ppc" in results.study.figures_of(name) for name in results.trees):
        return Said()
    return Said(
        "Of each model: data sets drawn from its posterior beside the data, with p of test quantities.", "models"
    )


def posterior(results: Results) -> Said:
    """Tables and figures of estimates."""
    return Said(
        "Posterior mean, sd and 95 % equal-tailed interval of every parameter, each with its Monte Carlo error, as "
        "table and figure.",
        "models",
    )


def bayes_factors(results: Results) -> Said:
    """Whether there are any."""
    if told := _with_bayes_factors(results):
        return Said(f"Log Bayes factors of: {told}. They are not turned into probabilities of models.", "comparisons")
    how = "models are compared by how well they predict." if results.compared else "no models are compared."
    return Said(f"No Bayes factors, and no probabilities of models: {how}", is_whole=True)


def threshold(results: Results) -> Said:
    """Whether a Bayes factor could decide."""
    if told := _with_bayes_factors(results):
        return Said(f"There are Bayes factors of {told}; the report names no threshold.", "comparisons")
    return Said("No Bayes factors.", is_whole=True)


def rope(results: Results) -> Said:
    """Which regions of practical equivalence there are."""
    ropes = {name: one.rope for name, one in results.study.predictions.items() if one.rope}
    if not ropes:
        return Said("No region of practical equivalence is used.", is_whole=True)
    told = "; ".join(f"{name}: {low:g} to {high:g}" for name, (low, high) in ropes.items())
    return Said(f"The share of draws inside of a region of practical equivalence: {told}.", "predictions")


def estimates_too(results: Results) -> Said:
    """Estimates are always shown."""
    return Said("Every estimate is shown with its interval; nothing is reported as a verdict alone.", "models")


def sensitivity(results: Results) -> Said:
    """How far estimates move with other priors."""
    return Said(" ".join(filter(None, [_powers(results), changed_a_little(results).words])), "models")


def informed(results: Results) -> Said:
    """The pipeline changes all priors alike."""
    if not sensitivity(results).words:
        return Said()
    return Said("See 5.A: all priors are changed, whatever they know.", "models")


def defaults(results: Results) -> Said:
    """The priors that the study left out."""
    if not (automatic := _automatic(results)):
        return Said("No prior is a default: all are the study's own.", "models", is_whole=True)
    if not (words := sensitivity(results).words):
        return Said()
    return Said(f"Chosen by Bambi from the data: {'; '.join(automatic)}. {words}", "models")


def sensitive_bayes_factors(results: Results) -> Said:
    """Bayes factors with narrower and wider priors."""
    if told := _with_bayes_factors(results):
        return Said(f"Bayes factors with the scales of all priors halved and doubled: {told}.", "comparisons")
    return Said("No Bayes factors.")


def installation(results: Results) -> Said:
    """How to get the software."""
    return Said(
        "requirements.lock pins every package by version and checksum, and uv run snakemake installs them; envs/ has "
        "conda environments and the recipe of a container."
    )


def materials(results: Results) -> Said:
    """The archive, and where the data are from."""
    data = results.study.data
    pinned = ", checksum verified" if data.sha256 else ""
    if data.source:
        # Of a file its name: in which folder it lies on this machine helps nobody.
        where = data.source if "://" in data.source else Path(data.source).name
        source = f"Data: {where}{pinned}."
    else:
        source = "Data: drawn from known parameters, by the pipeline."
    return Said(f"{source} snakemake archive packs code, data, configuration and results into one file.", "provenance")


def readability(results: Results) -> Said:
    """Configuration and code."""
    return Said(
        "One configuration file describes the study; config/README.md explains its keys, and every function of the "
        "code says what it does."
    )


def auxiliary(results: Results) -> Said:
    """Draws are kept."""
    summarised = [name for name, tree in results.trees.items() if "group_effects" in tree.children]
    less = f" Of group-level effects of {_titles(results, summarised)} a summary is kept." if summarised else ""
    return Said(
        "The draws are kept, with data, priors, versions and seed, in results/models/*.nc (NetCDF), and are in the "
        f"archive.{less}"
    )


def runs(results: Results) -> Said:
    """How others check it."""
    return Said(
        "snakemake verify makes every table of an archive again from its fits, snakemake regenerate computes all again "
        "and compares, and snakemake calibrate and snakemake recover fit data whose parameters are known. Whether this "
        "was done is not known to the report."
    )


def seeds(results: Results) -> Said:
    """Seeds."""
    own = sorted({results.study.sampling_of(name).seed for name in results.trees})
    return Said(
        f"Seed {', '.join(map(str, own))}. The same seed, packages and machine give the same draws bit for bit, and "
        "others numbers that agree within their Monte Carlo errors.",
        "provenance",
    )


def traces(results: Results) -> Said:
    """Figures of chains."""
    return Said(f"Traces and ranks by chain of each model, folded under its estimates. {_passed(results)}", "models")


def twice(results: Results) -> Said:
    """WAMBS 3."""
    return _refitted(results, 3, "With twice the draws and another seed")


def shape(results: Results) -> Said:
    """Effective sample sizes, and how numbers are rounded."""
    return Said(f"{_effective(results)} Numbers are rounded by their Monte Carlo errors.", "models")


def autocorrelation(results: Results) -> Said:
    """Effective sample size as a share of the draws."""
    share, model = min(
        (float(table["ess_bulk"].min()) / results.study.draws_of(name), name)
        for name, table in results.summaries.items()
    )
    return Said(
        f"The smallest bulk effective sample size of a parameter is {100 * share:.0f} % of the draws "
        f"({results.titles[model]}); draws without autocorrelation have about 100 %.",
        "models",
    )


def other_scales(results: Results) -> Said:
    """WAMBS 7."""
    return _refitted(
        results,
        7,
        "With half-Cauchy priors of the same medians for sigma and all sds (half-normal where they were half-Cauchy), "
        "and LKJ(2) for correlations (LKJ(1) where it was LKJ(2))",
    )


def flat(results: Results) -> Said:
    """WAMBS 8."""
    return _refitted(results, 8, "With the scales of all priors a thousand times as large, which is nearly flat")


def changed_a_little(results: Results) -> Said:
    """WAMBS 9."""
    return _refitted(results, 9, "With the scales of all priors halved, and doubled")


def words(results: Results) -> Said:
    """How intervals are told."""
    return Said(
        "Intervals hold 95 % of the posterior: with that probability the parameter lies inside, given model, priors "
        "and data. There are no significance tests.",
        "glossary",
    )


def _labels(results: Results, names: Iterable[str]) -> str:
    return ", ".join(map(results.study.data.label, names))


def _titles(results: Results, names: Iterable[str]) -> str:
    return ", ".join(results.titles[name] for name in names)


def _automatic(results: Results) -> list[str]:
    """Of each model with priors that the study left out, their names."""
    chosen = {name: json.loads(tree.attrs.get("automatic_priors", "{}")) for name, tree in results.trees.items()}
    return [f"{results.titles[name]} ({', '.join(own)})" for name, own in chosen.items() if own]


def _with_bayes_factors(results: Results) -> str:
    return ", ".join(one.title for one in results.study.comparisons.values() if one.bayes_factors)


def _extreme(results: Results, check: str, what: str) -> str:
    """The worst value of a check of all models, and where it is."""
    entries = {name: own[check] for name, own in results.diagnostics.items() if own[check]["value"] is not None}
    if not entries:
        return f"{what} of any parameter: not computable."
    worst = (max if check == "rhat" else min)(entries, key=lambda name: entries[name]["value"])
    value = entries[worst]["value"]
    shown = number(value, 4) if check == "rhat" else number(value, 0)
    return f"{what} of any parameter: {shown} ({entries[worst]['where']}, {results.titles[worst]})."


def _effective(results: Results) -> str:
    both = (_extreme(results, f"ess_{what}", f"Smallest {what} effective sample size") for what in ("bulk", "tail"))
    return " ".join(both)


def _passed(results: Results) -> str:
    """Which models failed convergence checks."""
    bad = [name for name, own in results.diagnostics.items() if failed(own)]
    return f"Checks failed for {_titles(results, bad)}." if bad else "All models passed all convergence checks."


def _powers(results: Results) -> str:
    """How far estimates move if the priors are raised to powers."""
    tables = {name: own["sensitivity"] for name, own in results.checked.items() if "sensitivity" in own}
    if not tables:
        return ""
    every = pd.concat([table.assign(model=name) for name, table in tables.items()], ignore_index=True)
    every = every[every["component"] == "prior"]
    every["shift"] = every[["shift_weaker", "shift_stronger"]].abs().max(axis=1)
    worst = every.loc[every["shift"].idxmax()]
    return (
        f"With all priors raised to the powers 0.8 and 1.25 the posterior mean that moves most is {worst['parameter']} "
        f"of {results.titles[worst['model']]}, by {number(worst['shift'], 2)} posterior sds."
    )


def _refitted(results: Results, point: int, how: str) -> Said:
    """What changed in the refits of a point of WAMBS."""
    tables = {name: own["wambs"] for name, own in results.checked.items() if "wambs" in own}
    of_point = {name: table[table["point"] == point] for name, table in tables.items()}
    made = {name: table.assign(model=name) for name, table in of_point.items() if len(table)}
    missing = _not_refitted(results, [name for name in results.trees if name not in made])
    if not made:
        return Said(f"{how}: {missing}", is_answer=False) if tables else Said()
    every = pd.concat(made.values(), ignore_index=True)
    worst = every.loc[every["deviation_sd"].abs().idxmax()]
    error = worst["mcse_sd"]
    return Said(
        f"{how}, the posterior mean that changes most is {worst['parameter']} of {results.titles[worst['model']]}, by "
        f"{number(abs(worst['deviation_sd']), 2)} posterior sds ({number(abs(worst['deviation_percent']), 1)} %; Monte "
        f"Carlo error {number(error, 2) if error >= 0.005 else 'under 0.01'} sds). All are in "
        f"results/checks/*.wambs.csv. {missing}".strip(),
        "models",
    )


def _not_refitted(results: Results, models: list[str]) -> str:
    """Of which of these models there are no refits, and why."""
    by_nuts = [name for name in models if results.trees[name].attrs["engine"] == "nuts"]
    by_others = [name for name in models if results.trees[name].attrs["engine"] not in ("marginal", "nuts")]
    untold = [name for name in models if name not in by_nuts + by_others]
    words = []
    if by_nuts:
        words.append(f"Not run for {_titles(results, by_nuts)}, where NUTS would take as long again each time.")
    if by_others:
        words.append(f"Not run for {_titles(results, by_others)}: they are for models of the marginal engine.")
    if untold:
        words.append(f"Not told of {_titles(results, untold)}, since draws of the refits failed their checks.")
    return " ".join(words)
