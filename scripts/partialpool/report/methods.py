"""The methods of a study in plain text, for the methods section of a paper, and the works that it cites."""

import json
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from partialpool.model.families import LINKS, ZERO_INFLATED
from partialpool.model.spec import ModelSpec
from partialpool.report import comparisons, sampling
from partialpool.report.checks import NAMES, limit
from partialpool.report.paper import Fitted
from partialpool.report.references import WORKS
from partialpool.report.words import counted, listed
from partialpool.study.study import Study

SOFTWARE = {"bambi": "Bambi", "pymc": "PyMC", "numba": "Numba", "arviz": "ArviZ", "numpy": "NumPy", "python": "Python"}
OF_CHECKS = {"rhat": "rhat", "ebfmi": "ebfmi", "pareto_k": "psis"}
# Packages that only one of the engines runs on.
OF_NUTS, OF_MARGINAL = ("bambi", "pymc", "pytensor"), ("numba",)


class Methods(NamedTuple):
    """Paragraphs, and the keys in ``references.WORKS`` of what they cite."""

    paragraphs: list[str]
    cited: list[str]

    @property
    def text(self) -> str:
        """The file: paragraphs with an empty line between them."""
        return "\n\n".join(self.paragraphs) + "\n"


class _Citing:
    """Citations in brackets, of which it keeps which works they are."""

    def __init__(self):
        self.keys: list[str] = []

    def __call__(self, *keys: str) -> str:
        self.keys += keys
        return f"({'; '.join(WORKS[key].cited for key in keys)})"


def of_study(
    study: Study,
    fits: Mapping[str, Mapping],
    specs: Mapping[str, ModelSpec],
    checks: Mapping[str, Mapping],
    compared: Mapping[str, pd.DataFrame],
    *,
    models: Mapping[str, Fitted],
    snakemake: str,
) -> Methods:
    """The methods of a study.

    Parameters
    ----------
    study
        The configuration.
    fits
        Attributes of the fits by model: which sampler ran, versions.
    specs
        What they were made from, by model, with all priors.
    checks
        By model, from ``fit.failed.read_checks``.
    compared
        Tables of the comparisons.
    models
        What tables show of each model.
    snakemake
        Its version.
    """
    cite = _Citing()
    paragraphs = [
        _data(study, models),
        _models(study, specs, cite),
        _sampler(study, fits, cite),
        _checked(study, checks, cite),
        _shown(models, cite),
        *_checked_against_data(study, cite),
        *([_comparing(study, compared, cite)] if compared else []),
        _software(fits, snakemake, cite),
    ]
    return Methods(paragraphs, list(dict.fromkeys(cite.keys)))


def _data(study: Study, models: Mapping[str, Fitted]) -> str:
    """What was measured, and how many measurements of how many units each model was fitted to."""
    nouns, told = study.data.nouns, {}
    for name, model in models.items():
        size = counted(model.measurements, model.units, nouns)
        told.setdefault(size, []).append(study.models[name].title)
    outcome = study.data.measured_label(study.data.outcome)
    if len(told) == 1:
        return f"Data. {outcome}: {next(iter(told))}."
    return f"Data. {outcome}. {' '.join(f'{", ".join(titles)}: {size}.' for size, titles in told.items())}"


def _models(study: Study, specs: Mapping[str, ModelSpec], cite: _Citing) -> str:
    """Formulas, families and priors."""
    sentences = ["The models were Bayesian multilevel regressions; formulas are in the notation of lme4 and brms."]
    for name, spec in specs.items():
        link = spec.link or {**LINKS, **ZERO_INFLATED}.get(spec.family)
        link = f", {link} link" if link and link != "identity" else ""
        priors = ", ".join(f"{what} ~ {prior}" for what, prior in spec.priors.items())
        sentences.append(f"{study.models[name].title}: {spec.formula} ({spec.family}{link}); priors: {priors}.")
    if any("Intercept" in spec.priors for spec in specs.values()):
        sentences.append("The prior of an intercept is that of the linear predictor at the mean of the predictors.")
    if any("cor" in spec.priors for spec in specs.values()):
        sentences.append(f"Correlations of group-level effects have LKJ priors {cite('lkj')}.")
    return " ".join(sentences)


def _sampler(study: Study, fits: Mapping[str, Mapping], cite: _Citing) -> str:
    """How draws were made; models of which the same is said together."""
    told: dict[str, list[str]] = {}
    for name, fit in fits.items():
        told.setdefault(sampling.settings(study.sampling_of(name), fit), []).append(study.models[name].title)
    how = "; ".join(f"{', '.join(titles)}: {words}" for words, titles in told.items())
    nuts = (
        f" NUTS is the no-U-turn sampler {cite('nuts')}." if any(f["sampling"] == "nuts" for f in fits.values()) else ""
    )
    return f"Posterior draws. {how}.{nuts}"


def _checked(study: Study, checks: Mapping[str, Mapping], cite: _Citing) -> str:
    """Thresholds, and whether they were kept."""
    entries = {name: entry for of_model in checks.values() for name, entry in of_model.items()}
    limits = ", ".join(f"{NAMES[name]} {limit(name, entry['threshold'])}" for name, entry in entries.items())
    works = cite(*(OF_CHECKS[name] for name in entries if name in OF_CHECKS))
    failed = [
        study.models[model].title
        for model, of_model in checks.items()
        if not all(entry["passed"] for entry in of_model.values())
    ]
    verdict = f"Not all were met by {', '.join(failed)}" if failed else "All models met them"
    return f"Every fit was held to these limits: {limits} {works}. {verdict}."


def _shown(models: Mapping[str, Fitted], cite: _Citing) -> str:
    """Estimates, and what is made of them."""
    names = " ".join(name for model in models.values() for name in model.variance["quantity"])
    sentences = ["Estimates are posterior means with 95 % equal-tailed intervals."]
    if "R2(" in names:
        sentences.append(f"Bayesian R2 is that of the modelled residual variance {cite('r2')}.")
    if "icc(" in names:
        sentences.append(f"Variance is partitioned by grouping factor into intraclass correlations {cite('icc')}.")
    return " ".join(sentences)


def _checked_against_data(study: Study, cite: _Citing) -> list[str]:
    """Which checks of each model against its data and its priors there are; no paragraph if there are none."""
    on, nouns = study.checks, study.data.nouns
    work = cite("power_scaling") if on.sensitivity else ""
    kinds = [
        (on.prior, "the distribution of the outcome under its priors"),
        (on.predictive, "posterior predictive checks"),
        (on.loo_pit, "leave-one-out probabilities (LOO-PIT)"),
        (on.sensitivity, f"the sensitivity of estimates to powers of prior and likelihood {work}"),
        (on.influence, f"the influence of single {nouns.unit[1]} and {nouns.measurement[1]}"),
    ]
    asked = [words for is_on, words in kinds if is_on]
    return [f"Each model was checked by {listed(asked)}."] if asked else []


def _comparing(study: Study, compared: Mapping[str, pd.DataFrame], cite: _Citing) -> str:
    """What was left out, and how its density was found."""
    parts = []
    for name, table in compared.items():
        titles = ", ".join(study.models[model].title for model in study.comparisons[name].models)
        blocks = [block.title for block in comparisons.blocks(table, study.data.nouns) if block.has_verdict]
        parts.append(f"{titles}: {'. '.join(blocks)}.")
    how = "Models were compared by leave-one-out cross-validation, by the expected log predictive density"
    return f"{how} {cite('loo', 'psis')}. {' '.join(parts)}"


def _software(fits: Mapping[str, Mapping], snakemake: str, cite: _Citing) -> str:
    """Packages that ran, with versions; each combination of versions once."""
    engines = {fit["engine"] for fit in fits.values()}
    idle = {*(() if "nuts" in engines else OF_NUTS), *(() if "marginal" in engines else OF_MARGINAL)}
    if all(fit["sampling"] == "independent" for fit in fits.values()):
        idle.add("nutpie")
    sets = []
    for versions in dict.fromkeys(fit["versions"] for fit in fits.values()):
        named = [
            f"{SOFTWARE.get(name, name)} {version}" + (f" {cite(name)}" if name in WORKS else "")
            for name, version in json.loads(versions).items()
            if name not in idle
        ]
        sets.append(", ".join(named))
    return f"Software: {'; and '.join(sets)}. The workflow was run by Snakemake {snakemake} {cite('snakemake')}."
