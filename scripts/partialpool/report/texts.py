"""The report's fixed paragraphs: HTML with places for the nouns of the study."""

from markupsafe import Markup

from partialpool.study.data import Nouns


def in_nouns(text: str, nouns: Nouns) -> Markup:
    """One of the texts below, its ``{unit}``, ``{units}``, ``{measurement}``, ``{measurements}`` as the study says."""
    (unit, units), (measurement, measurements) = nouns.unit, nouns.measurement
    return Markup(text).format(unit=unit, units=units, measurement=measurement, measurements=measurements)


DATA = """\
<p>Every variable with its mean, standard deviation, the quantiles that hold 89 % of its values, and a histogram.</p>
"""

WHY_POOL = """\
<p>A regression assumes that its rows are independent. Several {measurements} of one {unit} are not: they share
whatever is particular to that {unit}. There are three ways to deal with this.</p>
<ul>
<li><strong>Complete pooling</strong> ignores which {unit} a row belongs to. All {units} get one mean, and the
regression claims to know it better than it does.</li>
<li><strong>No pooling</strong> has one parameter for each {unit} and learns nothing about one {unit} from the others.
Where there is a single {measurement} of one {unit}, the level is estimated from that number alone.</li>
<li><strong>Partial pooling</strong> treats {units} as members of a population whose mean and spread are estimated
along with the level of each {unit}. Each estimate is a compromise between the {unit}'s own data and the population.
The data decide how far it goes: the fewer and the noisier the {measurements} of one {unit}, the nearer the estimate
is to the population.</li>
</ul>
<p>A multilevel model is a regression with partial pooling. It is written in levels: level 1 says how one
{measurement} comes about given the {unit}, level 2 how {units} differ.</p>
"""

MODELS = """\
<p>Estimates are posterior means with 95 % equal-tailed intervals. Group-level effects are deviations from the
population, for instance of each {unit}. R-hat compares chains and should be close to 1; ESS, the effective sample
size, is the number of independent draws that would estimate as well; MCSE is the Monte Carlo standard error.</p>
"""

SIZES = """\
<p>A model with partial pooling has more parameters than one without: the deviation of each {unit}, and also the mean
and the spread of the population. Yet it is the less flexible one, because the deviations are tied to each other. The
effective number of parameters, <code>p_loo</code> in the comparisons, says by how much.</p>
"""

COMPARING = """\
<p>Leave-one-out cross-validation asks how well a model predicts what it has not seen: one new {measurement} where it
has seen others of the same {unit}, or all {measurements} of a new {unit}; where a model has other grouping factors,
what is left out belongs to the same of their levels as before. <code>elpd_loo</code> is the sum of the log predictive
densities (larger is better), <code>elpd_diff</code> the difference from the best model, and <code>looic</code> is elpd
times −2. In Gaussian models the density of what is left out is exact given the scales
(standard deviations and correlations): all coefficients are integrated out in closed form, and only the scales need
importance weights; where these vary too much, the scales are drawn anew without it. In other models the effects of a
{unit} are integrated out numerically, if it has one or two, and what all {units} share is weighted; else all
parameters are. Pareto k says how far weights can be trusted, and the tables have the largest. Where it is over 0.7,
they fail for what is left out, and the numbers of that model cannot be relied on.</p>
"""

EVIDENCE = """\
<p>The log evidence is the log of the density that a model gives to all {measurements}, averaged over its priors.
Differences of it are log Bayes factors. They ask how well a model foretold the {measurements} by its priors, and not
how well it predicts new ones once it has learned from these. So they depend on how wide the priors are, even where the
estimates do not.</p>
"""

PREDICTIONS = """\
<p>An <strong>expected</strong> value is the mean around which the {measurements} of one {unit} vary. A
<strong>predicted</strong> value is one {measurement}, so its interval contains the residual spread too. For observed
{units} both use what is known about the {unit}. A <strong>new {unit}</strong> is drawn from the estimated population,
anew for each posterior draw; where a model has other grouping factors, their levels are observed ones.</p>
"""
