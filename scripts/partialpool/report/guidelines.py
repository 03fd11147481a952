"""What the report of a Bayesian analysis should say, item by item, and what this one says to it.

References
----------
Bayesian Analysis Reporting Guidelines (BARG): Kruschke (2021), Nature Human Behaviour 5, 1282-1291, Table 1.
WAMBS checklist: Depaoli & van de Schoot (2017), Psychological Methods 22(2), 240-261.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from markupsafe import Markup

from partialpool.jobs.files import write_text
from partialpool.report import reported
from partialpool.report.elements import downloads, folded, paragraph
from partialpool.report.page import anchor
from partialpool.report.reported import Said
from partialpool.report.results import Results

FILE = "tables/guidelines.md"
# Who answers an item.
PIPELINE, STUDY, IN_PART, NOBODY = "by the pipeline", "by the study", "in part", "not addressed"
ASK_A_PERSON = "The rest is for the authors of the study, and not addressed."


class Item(NamedTuple):
    """An item of a list: its number there, a title, what it asks in our words, and where the answer comes from.

    ``says`` makes the pipeline's answer from the results; ``key`` is the key of ``guidelines`` in the config under
    which the authors of the study answer, if they must.
    """

    number: str
    title: str
    asks: str
    says: Callable[[Results], Said]
    key: str = ""


class Answer(NamedTuple):
    """What is said to an item: by the pipeline, by the study, in which section of the report, and who answers."""

    item: Item
    words: str
    own: str
    section: str
    by: str


LISTS: Mapping[str, tuple[Item, ...]] = {
    "Bayesian Analysis Reporting Guidelines (Kruschke 2021, Table 1)": (
        Item("P.A", "Why Bayesian", "What is gained by a Bayesian analysis.", reported.nothing, "why_bayesian"),
        Item("P.B", "Goals", "What the analysis is for.", reported.nothing, "goals"),
        Item("1.A", "Variables", "Which variables are predicted, and from which.", reported.variables),
        Item(
            "1.B",
            "Likelihood and parameters",
            "The likelihood and all parameters of each model, its hierarchy and covariances; which of the parameters "
            "the study is about.",
            reported.likelihood,
            "parameters_of_interest",
        ),
        Item(
            "1.C", "Priors", "The prior of every parameter, and why it is that.", reported.priors, "prior_justification"
        ),
        Item("1.D", "Formal specification", "Likelihood and priors as formulas or code.", reported.specification),
        Item("1.E", "Prior predictive check", "What data the priors expect.", reported.prior_predictive),
        Item("2.A", "Software", "Programs and packages, with versions.", reported.software),
        Item("2.B", "Convergence", "Evidence that the chains agree, for every parameter.", reported.convergence),
        Item("2.C", "Resolution", "Effective sample size of every parameter.", reported.resolution),
        Item("2.D", "If not MCMC", "What is approximate in other ways of computing.", reported.not_mcmc),
        Item(
            "3.A", "Posterior predictive check", "Whether data from the model look like the data.", reported.predictive
        ),
        Item(
            "3.B", "Posterior distributions", "Centre and interval of every parameter of interest.", reported.posterior
        ),
        Item(
            "3.C",
            "Bayes factors and probabilities of models",
            "Bayes factors, and what they make of the prior probabilities of the models.",
            reported.bayes_factors,
            "model_probabilities",
        ),
        Item("4.A", "Why decide", "Why the results must end in a decision, if they do.", reported.nothing, "decision"),
        Item("4.B", "Loss", "What wrong decisions cost, if that decides.", reported.nothing, "loss"),
        Item(
            "4.C", "Limits of a ROPE", "Why a region of practical equivalence ends there.", reported.rope, "rope_limits"
        ),
        Item(
            "4.D",
            "Threshold of a Bayes factor",
            "From which Bayes factor on a model is accepted, and why.",
            reported.threshold,
            "bayes_factor_threshold",
        ),
        Item("4.E", "Estimates too", "Estimates with their uncertainty, whatever is decided.", reported.estimates_too),
        Item("5.A", "Broad priors", "Whether other broad priors give the same.", reported.sensitivity),
        Item("5.B", "Informed priors", "How far other informed priors change the posterior.", reported.informed),
        Item("5.C", "Default priors", "How far priors that the software chose matter.", reported.defaults),
        Item("5.D", "Bayes factors", "How Bayes factors change with the priors.", reported.sensitive_bayes_factors),
        Item("5.E", "Decisions", "Whether other priors decide otherwise.", reported.nothing, "decision_sensitivity"),
        Item("6.A", "Installation", "How to get the software in these versions.", reported.installation),
        Item("6.B", "Code and data", "Where code and data are.", reported.materials, "materials"),
        Item("6.C", "Readability", "Code that others can read.", reported.readability),
        Item("6.D", "Auxiliary files", "Draws of the posterior, and what else takes long to make.", reported.auxiliary),
        Item("6.E", "Runs as posted", "What is posted runs and gives what is reported.", reported.runs),
        Item("6.F", "Reproducible draws", "Random numbers that can be had again.", reported.seeds),
    ),
    "WAMBS checklist (Depaoli & van de Schoot 2017)": (
        Item("1", "Priors", "Are the priors understood?", reported.priors_shown, "prior_justification"),
        Item("2", "Convergence", "Do trace plots show that chains converged?", reported.traces),
        Item("3", "Twice the draws", "Does convergence remain with twice the draws?", reported.twice),
        Item("4", "Histograms", "Are there enough draws for the shape of each posterior?", reported.shape),
        Item("5", "Autocorrelation", "Do successive draws depend on each other?", reported.autocorrelation),
        Item("6", "Substance", "Does the posterior make sense?", reported.nothing, "substantive_sense"),
        Item("7", "Priors of the scales", "Do other priors of variances change the results?", reported.other_scales),
        Item("8", "No information", "How far are the results from those of flat priors?", reported.flat),
        Item("9", "Sensitivity", "Are the results stable if the priors change a little?", reported.changed_a_little),
        Item("10", "Words", "Is the posterior interpreted as a Bayesian one?", reported.words),
    ),
}


def answers(results: Results) -> dict[str, list[Answer]]:
    """What the report says to each item, by list."""
    return {name: [_answer(results, item) for item in items] for name, items in LISTS.items()}


def _answer(results: Results, item: Item) -> Answer:
    study, said = results.study, item.says(results)
    own = getattr(study.guidelines, item.key).strip() if item.key else ""
    words = "" if said.section in study.report.hide else said.words
    if own:
        by = STUDY
    elif not words or not said.is_answer:
        by = NOBODY
    else:
        by = IN_PART if item.key and not said.is_whole else PIPELINE
    return Answer(item, words, own, said.section if words else "", by)


def counted(given: Iterable[Answer]) -> str:
    """How many items are answered, and by whom."""
    counts = Counter(answer.by for answer in given)
    return (
        f"{counts[PIPELINE]} answered by the pipeline, {counts[STUDY]} by the study, {counts[IN_PART]} in part; "
        f"{counts[NOBODY]} not addressed"
    )


def parts(results: Results, titles: Mapping[str, str]) -> list[str]:
    """The parts of the section of the page; ``titles`` are the headings of the sections that the report has."""
    made = answers(results)
    intro = (
        "Two lists say what the report of a Bayesian analysis should tell its readers. Below is what this one tells "
        "them: what the pipeline knows, and what the authors of the study have written in its config under "
        f"guidelines. Numbers are those of the lists; their items are in our words. Of {sum(map(len, made.values()))} "
        f"items: {counted(one for given in made.values() for one in given)}."
    )
    missing = {
        name.partition(" (")[0]: [f"{one.item.number} {one.item.title}" for one in given if one.by in (IN_PART, NOBODY)]
        for name, given in made.items()
    }
    rest = "; ".join(f"{name}: {', '.join(items)}" for name, items in missing.items() if items)
    lists = [folded(f"{name}: {counted(given)}", [_list(given, titles)]) for name, given in made.items()]
    told = paragraph(f"In part or not addressed are, of the {rest}.") if rest else Markup()
    return [paragraph(intro), told, *lists, downloads([results.folder / FILE])]


def _list(given: Iterable[Answer], titles: Mapping[str, str]) -> Markup:
    return Markup('<dl class="reported">{}</dl>').format(Markup().join(_entry(answer, titles) for answer in given))


def _entry(answer: Answer, titles: Mapping[str, str]) -> Markup:
    look = "missing" if answer.by in (IN_PART, NOBODY) else "given"
    head = Markup('<dt>{} {} <span class="{}">{}</span></dt><dd class="asks">{}</dd>').format(
        answer.item.number, answer.item.title, look, answer.by, answer.item.asks
    )
    body = Markup()
    if answer.words:
        body += Markup("<dd>{}{}</dd>").format(answer.words, _see(answer, titles))
    if answer.own:
        body += Markup('<dd class="own">{}</dd>').format(answer.own)
    elif answer.by == IN_PART:
        body += Markup("<dd>{}</dd>").format(ASK_A_PERSON)
    return Markup("<div>{}</div>").format(head + body)


def _see(answer: Answer, titles: Mapping[str, str]) -> Markup:
    """Link to the section where it stands."""
    if answer.section not in titles:
        return Markup()
    title = titles[answer.section]
    return Markup(' See <a href="#{}">{}</a>.').format(anchor(title, ()), title)


def markdown(results: Results, titles: Mapping[str, str]) -> str:
    """The section as a file for a supplement."""
    blocks = [f"# {_plain(results.study.title)}: what was reported"]
    for name, given in answers(results).items():
        blocks += [f"## {_plain(name)}", f"{len(given)} items: {counted(given)}."]
        for answer in given:
            lines = [
                f"**{answer.item.number} {_plain(answer.item.title)}** ({answer.by}). *{_plain(answer.item.asks)}*"
            ]
            if answer.words:
                see = f" See {_plain(titles[answer.section])}." if answer.section in titles else ""
                lines.append(f"{_plain(answer.words)}{see}")
            if answer.own:
                lines.append(f"The study: {_plain(answer.own)}")
            elif answer.by == IN_PART:
                lines.append(ASK_A_PERSON)
            blocks.append("  \n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _plain(words: str) -> str:
    """Words on one line in which Markdown finds no markup."""
    return re.sub(r"([\\`*_\[\]<>#|~])", r"\\\1", " ".join(words.split()))


def write(results: Results, titles: Mapping[str, str]) -> None:
    """Write ``tables/guidelines.md`` into the folder of the results."""
    write_text(markdown(results, titles), results.folder / FILE)
