"""Terms that the report explains once, at its end, and the links to them from where they first stand.

Texts name a term as ``[words](term)``. All of a report's parts together (``first_links``) keep the first link to each,
and the glossary has the terms that are linked.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from markupsafe import Markup

from partialpool.study.data import Nouns

# By name: what it is called, and what it is, as a text of `in_nouns`.
TERMS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "interval": (
            "95 % equal-tailed interval",
            "From the 2.5 % to the 97.5 % quantile of the [posterior](posterior): given the model, its priors and the "
            "data, the value lies in it with probability 95 %, and below it with the same probability as above it. In "
            "tables the ends are q2.5 and q97.5.",
        ),
        "posterior": (
            "Posterior, draw",
            "What is known about a number after the data, given the model and its priors: a distribution, of which the "
            "sampler makes random draws. The posterior mean is the estimate, and the posterior standard deviation (sd "
            "beside it in tables) says how uncertain it is.",
        ),
        "common": ("Common coefficients", "Coefficients that are the same for all {units}, such as the Intercept."),
        "intercept": (
            "Intercept",
            "What is expected where all numeric predictors are 0 and all categories at their reference level; in a "
            "model with [group-level effects](effects), of an [average {unit}](average).",
        ),
        "effects": (
            "Group-level effects",
            "Deviations from the population, for instance of each {unit}. They come from a normal distribution. Its "
            "standard deviation, <code>sd(…)</code> in tables, says how much {units} differ; <code>cor(…)</code> is "
            "the correlation of two such effects.",
        ),
        "average": (
            "Average {unit}",
            "One whose [group-level effects](effects) are zero. If the link is not the identity, its expected value is "
            "not the mean of those of all {units}.",
        ),
        "residual": (
            "Residual sd, sigma",
            "The standard deviation of the {measurements} of one {unit} around what the model expects of them.",
        ),
        "link": (
            "Scale of the link",
            "The scale on which a model adds up its terms: the logit (log odds) of a probability, the log of an "
            "expected count. Intercepts and standard deviations are on it.",
        ),
        "ratio": (
            "Odds ratio, rate ratio, hazard ratio, ratio of means",
            "exp(b) of a coefficient b: what the odds, the rate, the hazard or the mean is multiplied by where the "
            "predictor is 1 larger, or at a level of a category against its reference level. Of the "
            "[Intercept](intercept), or of a level in its place, the odds, the rate or the mean itself; beside "
            "offset(log(x)) that for one unit of x. Mean and interval are those of exp(b).",
        ),
        "r2": (
            "R²",
            "The variance, over the rows, of what the model expects, against that variance plus the residual variance "
            "that the model has, for each draw (Gelman, Goodrich, Gabry & Vehtari 2019). The conditional one knows the "
            "[group-level effects](effects) of the levels observed. The marginal one is of new levels: their effects "
            "are integrated out, and count as variance that is not explained (Nakagawa & Schielzeth 2013, Johnson "
            "2014).",
        ),
        "icc": (
            "Intraclass correlation, icc",
            "The share of a grouping factor in the variance that the common coefficients leave (Nakagawa, Johnson & "
            "Schielzeth 2017). On a latent scale the rest is the variance of the variable that is cut into the "
            "outcome; behind a log link it is log(1 + variance / mean²) at the mean of all rows. With varying slopes "
            "it depends on the values of their variables.",
        ),
        "rhat": (
            "R-hat",
            "Compares the chains of the sampler with each other and with themselves at another time. It is close to 1 "
            "if all of them draw from the same distribution.",
        ),
        "ess": (
            "ESS, effective sample size",
            "So many independent draws would estimate as well as the draws at hand: bulk ESS for means, tail ESS for "
            "the ends of intervals.",
        ),
        "mcse": (
            "MCSE, Monte Carlo standard error",
            "The standard error of an estimate that there is because draws are finitely many. More draws make it "
            "smaller; what the data leave unknown, the posterior sd, stays.",
        ),
        "acceptance": (
            "Share of proposals accepted",
            "Draws are proposed by a distribution that was fitted to the posterior, and accepted or rejected so that "
            "those that are kept follow the posterior. The more are accepted, the nearer the two are.",
        ),
        "divergences": (
            "Divergent transitions",
            "Steps at which NUTS could not follow the posterior, so that a part of it may be missing from the draws.",
        ),
        "ebfmi": (
            "E-BFMI",
            "Energy Bayesian fraction of missing information: how fast the energy of NUTS changes, relative to how "
            "much it must change for all of the posterior to be visited.",
        ),
        "nuts": (
            "NUTS",
            "The no-U-turn sampler. Each chain moves through the posterior in steps, after warmup iterations in which "
            "the size of the steps is found.",
        ),
        "marginal": (
            "Marginal engine",
            "In Gaussian models it integrates all coefficients out in closed form. Only the scales (standard "
            "deviations and correlations) have to be sampled; all coefficients are then drawn exactly, given the "
            "scales.",
        ),
        "quadrature": (
            "Quadrature",
            "A sum over some points in the place of an integral. The density of the {measurements} of each {unit} is "
            "averaged over its [group-level effects](effects), so that only what all {units} share has to be sampled.",
        ),
        "loo": (
            "Leave-one-out cross-validation",
            "How well a model predicts what it has not seen: one {measurement}, where it has seen others of the same "
            "{unit} (<em>new {measurements} of observed {units}</em>), or all {measurements} of one {unit} (<em>new "
            "{units}</em>). Where a model has other grouping factors, what is left out belongs to the same of their "
            "levels as before. The model is not fitted again for each: the density of what is left out has a closed "
            "form given the scales, or the effects of the {unit} are integrated out numerically, and the draws of what "
            "is left are weighted; or else the draws of all parameters are ([PSIS](psis)). Where weights vary too much "
            "([Pareto k](pareto)), other draws are made without it.",
        ),
        "elpd": (
            "elpd_loo",
            "The sum of the log densities that a model gives to what was left out of it ([leave-one-out "
            "cross-validation](loo)). Larger is better. elpd_diff is the difference from the best model, and "
            "looic is elpd_loo times −2.",
        ),
        "se": (
            "Standard error, se",
            "How far elpd_loo, or a difference in it, would be off if the data were others of the same kind. Two "
            "models cannot be told apart where the difference is smaller than 4 or than two standard errors.",
        ),
        "ploo": (
            "p_loo",
            "The effective number of parameters: by how much the log density of the data is larger with them than "
            "without. Group-level effects are tied to each other and count for less than one each. It is not known "
            "of cross-validation by folds, nor of large studies, whose fits keep densities at some draws only.",
        ),
        "pareto": (
            "Pareto k",
            "How heavy the tail of importance weights is. Over 0.7 an estimate made with them cannot be relied on; the "
            "tables have the largest k, and how many are over 0.7.",
        ),
        "psis": (
            "Plain PSIS",
            "Pareto-smoothed importance sampling: the draws of the fit to all data are weighted as if one "
            "{measurement} had not been there.",
        ),
        "evidence": (
            "Log evidence",
            "The log of the density that a model gives to all {measurements}, averaged over its priors. It says how "
            "well the priors foretold them, and not how well the model predicts new ones once it has learned from "
            "these. It depends on how wide the priors are, even where the estimates do not.",
        ),
        "factor": (
            "Bayes factor",
            "The ratio of the evidences of two models: how many times as probable the {measurements} are under one as "
            "under the other. The difference in [log evidence](evidence) is its logarithm.",
        ),
        "expected": (
            "Expected value",
            "The mean around which the {measurements} of one {unit} vary.",
        ),
        "predicted": (
            "Predicted value",
            "One {measurement}: its interval has the spread around the [expected value](expected) too.",
        ),
        "observed": (
            "Observed {units}",
            "Those in the data. What is said of them uses what is known about each.",
        ),
        "population": (
            "Mean of the population",
            "The mean over all {units} that there might be: their [group-level effects](effects) are integrated out. "
            "If the link is not the identity, it is not that of the [average {unit}](average).",
        ),
        "new": (
            "New {unit}",
            "One that is not in the data, drawn from the estimated population, anew for each posterior draw. Where a "
            "model has other grouping factors, their levels are observed ones.",
        ),
    }
)
_MARKED = re.compile(r"\[([^\]]+)\]\((\w+)\)")
_LINK = re.compile(r'<a class="term" href="#term-(\w+)">(.*?)</a>', re.DOTALL)


def in_nouns(text: str, nouns: Nouns) -> Markup:
    """A text of the report, HTML, in the nouns of the study.

    Parameters
    ----------
    text
        Has places ``{unit}``, ``{units}``, ``{measurement}``, ``{measurements}``, and terms as ``[words](term)``.
    nouns
        Of the study.
    """
    linked = _MARKED.sub(lambda marked: f'<a class="term" href="#term-{marked[2]}">{marked[1]}</a>', text)
    (unit, units), (measurement, measurements) = nouns.unit, nouns.measurement
    return Markup(linked).format(unit=unit, units=units, measurement=measurement, measurements=measurements)


def link(term: str, words: str) -> Markup:
    """Words that lead to the explanation of a term."""
    return Markup('<a class="term" href="#term-{}">{}</a>').format(term, words)


def first_links(parts: Iterable[Markup], linked: set[str]) -> list[Markup]:
    """Parts of the report with the first link to each term only.

    Parameters
    ----------
    parts
        HTML.
    linked
        Terms that are linked before these parts; those of these are added.
    """

    def kept(match: re.Match) -> str:
        if match[1] in linked:
            return match[2]
        linked.add(match[1])
        return match[0]

    return [Markup(_LINK.sub(kept, part)) for part in parts]


def without_links(part: Markup) -> Markup:
    """A part of a report that has no glossary."""
    return Markup(_LINK.sub(r"\2", part))


def explained(linked: Iterable[str], nouns: Nouns) -> Markup:
    """The terms that are linked, and those that their explanations link, in the order of the alphabet."""
    waiting, texts = list(linked), {}
    while waiting:
        name = waiting.pop()
        if name not in texts:
            title, text = (in_nouns(words, nouns) for words in TERMS[name])
            texts[name] = (title, text)
            waiting += [match[1] for match in _LINK.finditer(text)]
    rows = sorted(texts.items(), key=lambda item: item[1][0].casefold())
    return Markup('<dl class="glossary">{}</dl>').format(
        Markup().join(
            Markup('<dt id="term-{}">{}</dt><dd>{}</dd>').format(name, title, text) for name, (title, text) in rows
        )
    )
