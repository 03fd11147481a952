"""Which sampler made the draws of each model, in words.

The workflow reads this file whenever it starts, so it imports nothing that takes long.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from markupsafe import Markup

from partialpool.fit.failed import ENDING, read_checks
from partialpool.report.glossary import link
from partialpool.study.models import Sampling


def of_models(models: Iterable[str], folder: str | Path = "results/models") -> dict[str, str]:
    """How the draws of each model were made, ``independent`` or ``nuts``: each has checks of its own.

    Models whose checks (``{model}.diagnostics.json``) are not there yet are left out; StudyError if they are damaged.
    """
    kinds = {}
    for model in models:
        try:
            checks = read_checks(Path(folder, f"{model}{ENDING}"))
        except FileNotFoundError:
            continue
        kinds[model] = "nuts" if "divergences" in checks else "independent"
    return kinds


def sentence(sampling: Sampling, fit: Mapping) -> Markup:
    """How the draws of a model were made.

    Parameters
    ----------
    sampling
        Its settings.
    fit
        Attributes of the fit, which say what ran: ``engine``, ``sampling`` and, of independent draws, ``acceptance``;
        where NUTS took the place of another engine, ``why_nuts``.
    """
    chains = f"{sampling.chains} chains of {sampling.draws} draws"
    if fit["sampling"] == "independent":
        accepted = link("acceptance", f"{100 * fit['acceptance']:.0f} % accepted")
        by_engine = {
            "marginal": "{} without warmup: the scales by independent proposals ({}), all coefficients exactly, given "
            "the scales ({}).",
            "quadrature": "{} without warmup: common coefficients and scales by independent proposals ({}), with "
            "group-level effects integrated out by {}; then the group-level effects, given all else.",
            "independent": "{} without warmup: all parameters by independent proposals ({}).",
        }
        terms = {"marginal": link("marginal", "marginal engine"), "quadrature": link("quadrature", "quadrature")}
        return Markup(by_engine[fit["engine"]]).format(chains, accepted, terms.get(fit["engine"]))
    over = link("marginal", moved_over(fit)) if fit["engine"] == "marginal" else moved_over(fit)
    # Over the scales it runs for no other reason.
    failed = "independent draws of them failed their checks" if fit["engine"] == "marginal" else None
    because = f", because {reason}" if (reason := fit.get("why_nuts", failed)) else ""
    return Markup("{} after {} warmup iterations, by {} over {}{}.").format(
        chains, sampling.warmup, link("nuts", "NUTS"), over, because
    )


def settings(sampling: Sampling, fit: Mapping) -> str:
    """The sampler of a model and its settings, without explanation; ``fit`` has ``target_accept`` too if NUTS ran."""
    size = f"{sampling.draws} draws each"
    if fit["sampling"] == "independent":
        return f"independent draws of {moved_over(fit)}; {sampling.chains} chains, {size}, seed {sampling.seed}"
    # Over the scales it is always nutpie's, whatever the settings name.
    whose = sampling.sampler if fit["engine"] == "nuts" else "nutpie"
    return (
        f"NUTS ({whose}) over {moved_over(fit)}; {sampling.chains} chains, {sampling.warmup} warmup "
        f"iterations and {size}, target_accept {fit['target_accept']:g}, seed {sampling.seed}"
    )


def moved_over(fit: Mapping) -> str:
    """What the sampler drew itself."""
    by_engine = {
        "marginal": "the scales, all coefficients integrated out",
        "quadrature": "common coefficients and scales, group-level effects integrated out by quadrature",
        "independent": "all parameters",
        "nuts": "all parameters",
    }
    return by_engine[fit["engine"]]
