"""What helps a fit of which a convergence check failed."""

from collections.abc import Mapping
from math import ceil, sqrt

from partialpool.model.spec import ModelSpec

# ASSUME: chains with a larger R-hat do not yet sample one and the same distribution, and longer ones may not either.
LARGEST_RHAT = 1.1
# ASSUME: by chance alone R-hat squared - 1 is not larger than this number over the draws of a chain. Of two chains of
# 40 independent draws, the largest R-hat of a hundred parameters is over 1.1 in nearly half of all fits.
BY_CHANCE = 16
# Smaller steps than these take too long.
LARGEST_TARGET_ACCEPT = 0.999
# R-hat and ESS of the next run differ by chance from what this one promises.
TO_SPARE = 1.5


def remedies(checks: Mapping[str, Mapping], spec: ModelSpec) -> list[str]:
    """What to change in the config for the checks that failed, a sentence each; none if all passed.

    Parameters
    ----------
    checks
        Value, threshold, passed and where by the name of each check: those of a ``diagnostics.json``.
    spec
        The model's spec: its draws of each chain and its target acceptance.
    """
    failed = {name: check for name, check in checks.items() if not check["passed"]}
    of_draws = [name for name in ("rhat", "ess_bulk", "ess_tail") if name in failed]
    helps = []
    if of_draws:
        helps.append(_of_draws(checks, of_draws, spec.draws))
    if "divergences" in failed:
        helps.append(_of_divergences(spec.target_accept or 0))
    if "ebfmi" in failed:
        helps.append("E-BFMI: the tails are hard to reach. Narrower priors, of the sds above all, help.")
    if failed.keys() & {"pareto_k", "acceptance"}:
        helps.append("Independent draws: 'engine: nuts' in the model's entry needs no importance weights.")
    return helps


def _of_divergences(accept: float) -> str:
    if accept >= LARGEST_TARGET_ACCEPT:
        return "Divergent transitions: narrower priors of the sds or fewer group-level effects help."
    return (
        f"Divergent transitions: 'target_accept: {0.99 if accept < 0.99 else LARGEST_TARGET_ACCEPT}' in the model's "
        "entry makes smaller steps. Where they stay, narrower priors of the sds or fewer group-level effects help."
    )


def _of_draws(checks: Mapping, failed: list[str], draws: int) -> str:
    rhat = checks["rhat"]["value"]
    largest = max(LARGEST_RHAT, sqrt(1 + BY_CHANCE / draws))
    if rhat is None or rhat > largest or any(checks[name]["value"] is None for name in failed):
        return (
            "R-hat and ESS: the chains do not agree, and more draws alone will hardly mend that. Narrower priors or "
            "fewer group-level effects help."
        )
    times = max(_times_as_many(name, checks[name]["value"], checks[name]["threshold"]) for name in failed)
    enough = ceil(TO_SPARE * times * draws / 500) * 500
    return f"R-hat and ESS: 'draws: {enough}' in the model's entry should be enough."


def _times_as_many(name: str, value: float, threshold: float) -> float:
    """How many times as many draws a check needs: ESS grows as their number, and R-hat squared - 1 falls as it."""
    return (value**2 - 1) / (threshold**2 - 1) if name == "rhat" else threshold / value
