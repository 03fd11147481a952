"""The section `guidelines`: what a report of a Bayesian analysis should say and no pipeline can know."""

from pydantic import Field

from partialpool.study.base import Strict


class Guidelines(Strict):
    """What only those who made the study can say of it. The report's section *What was reported* has it beside the
    items of the Bayesian Analysis Reporting Guidelines (BARG; Kruschke 2021) and of the WAMBS checklist (Depaoli and
    van de Schoot 2017) that ask for it; what is left out stands there as not addressed.
    """

    why_bayesian: str = Field("", max_length=2000)
    """Why the analysis is Bayesian (BARG P.A)."""
    goals: str = Field("", max_length=2000)
    """What the analysis is for: to describe, to predict, to test (BARG P.B)."""
    parameters_of_interest: str = Field("", max_length=2000)
    """Which parameters the study is about, and which only have to be there (BARG 1.B)."""
    prior_justification: str = Field("", max_length=2000)
    """Why these priors, and where what they say comes from (BARG 1.C, WAMBS 1)."""
    model_probabilities: str = Field("", max_length=2000)
    """Where Bayes factors are shown: how probable the models were before the data (BARG 3.C)."""
    decision: str = Field("", max_length=2000)
    """What is decided by the results, and why anything has to be; or that nothing is (BARG 4.A)."""
    loss: str = Field("", max_length=2000)
    """What wrong decisions cost (BARG 4.B)."""
    rope_limits: str = Field("", max_length=2000)
    """Where predictions have a `rope`: why these limits (BARG 4.C)."""
    bayes_factor_threshold: str = Field("", max_length=2000)
    """Where Bayes factors are shown: from which one on there is a decision, and why (BARG 4.D)."""
    decision_sensitivity: str = Field("", max_length=2000)
    """Whether the decision would be another one under other priors (BARG 5.E)."""
    materials: str = Field("", max_length=2000)
    """Where others find code and data, and may use them (BARG 6.B)."""
    substantive_sense: str = Field("", max_length=2000)
    """Whether the estimates make sense, given what is known of the subject (WAMBS 6)."""
