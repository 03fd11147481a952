"""Which sampler made the draws of each model, in words.

The workflow reads this file whenever it starts, so it imports nothing that takes long.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from partialpool.study.models import Sampling


def of_models(models: Iterable[str], folder: str | Path = "results/models") -> dict[str, str]:
    """How the draws of each model were made, ``independent`` or ``nuts``: each has checks of its own.

    Models whose checks (``{model}.diagnostics.json``) are not there yet are left out.
    """
    kinds = {}
    for model in models:
        try:
            checks = json.loads(Path(folder, f"{model}.diagnostics.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        kinds[model] = "nuts" if "divergences" in checks else "independent"
    return kinds


def sentence(sampling: Sampling, fit: Mapping) -> str:
    """How the draws of a model were made.

    Parameters
    ----------
    sampling
        Its settings.
    fit
        Attributes of the fit, which say what ran: ``engine``, ``sampling`` and, of independent draws, ``acceptance``.
    """
    draws = f"{sampling.chains} chains of {sampling.draws} draws"
    if fit["sampling"] == "independent":
        return (
            f"{draws} without warmup: the scales are proposed independently of each other, by a distribution that was "
            f"fitted to their posterior beforehand ({100 * fit['acceptance']:.0f} % of proposals were accepted), so "
            "that no chain has to find its way there, and all coefficients are drawn exactly, given the scales."
        )
    return f"{draws} after {sampling.warmup} warmup iterations, by NUTS over {moved_over(fit)}."


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
    return "the scales, all coefficients integrated out" if fit["engine"] == "marginal" else "all parameters"
