"""What the sections of the report begin with: texts of `glossary.in_nouns`."""

DATA = """\
<p>Every variable with its mean, standard deviation, the quantiles that hold 89 % of its values, and a histogram.</p>
"""

MODELS = """\
<p>[Common coefficients](common) and scales are [posterior](posterior) means with [95 % equal-tailed
intervals](interval) (q2.5, q97.5). Beside them are [R-hat](rhat), effective sample sizes ([ESS](ess)) and the Monte
Carlo standard error of the mean ([MCSE](mcse)).</p>
"""

COMPARING = """\
<p>How well each model predicts what it has not seen, by [leave-one-out cross-validation](loo), with
[standard errors](se) in parentheses: [elpd_loo](elpd) (larger is better), its difference from the best model, the
effective number of parameters [p_loo](ploo) where it is known, and looic, which is elpd_loo times −2.
[Pareto k](pareto) says how far the numbers can be trusted.</p>
"""

EVIDENCE = """\
<p>Differences in [log evidence](evidence) are log [Bayes factors](factor). They depend on how wide the priors are.</p>
"""

# By what the predictions of a report are.
PREDICTIONS = {
    "expected": "[Expected values](expected) are means around which {measurements} vary.",
    "predicted": "[Predicted values](predicted) are single {measurements}.",
    "observed": "[Observed {units}](observed) are those in the data.",
    "new": "[New {units}](new) are drawn from the estimated population.",
    "average": "The [average {unit}](average) has none of its own [effects](effects).",
    "population": "The [population](population) is averaged over.",
}
