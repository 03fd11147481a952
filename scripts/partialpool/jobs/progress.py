"""Progress of long jobs: few lines of plain text."""

from collections.abc import Callable, Iterable
from time import monotonic
from typing import NamedTuple

# At most this many lines for a fit; at least this many seconds between two of them.
LINES, PAUSE = 20, 2.0
# Seconds of which nobody asks what a job is doing.
PATIENCE = 10.0


class Chain(NamedTuple):
    """How far a chain is: draws made and to be made, both with warmup, and divergent transitions so far."""

    made: int
    wanted: int
    divergences: int


def lines(say: Callable[[str], None], model: str) -> Callable[[Iterable[Chain] | str], None]:
    """A function that takes how far a fit is, however often it is called, and now and then says a line about it.

    It takes the state of all chains, or words where there are none.

    Parameters
    ----------
    say
        Takes a line.
    model
        Name of the model, with which each line begins.
    """
    # What was said last, and when. A fit that takes less than a pause says nothing.
    last = {"step": 0, "time": monotonic()}
    told = seldom(say)

    def update(state: Iterable[Chain] | str) -> None:
        if isinstance(state, str):
            told(f"{model}: {state}")
            return
        chains = [Chain(*chain) for chain in state]
        made, wanted = sum(chain.made for chain in chains), sum(chain.wanted for chain in chains)
        step, now = LINES * made // max(wanted, 1), monotonic()
        if step == last["step"] or now < last["time"] + PAUSE:
            return
        last.update(step=step, time=now)
        running = sum(0 < chain.made < chain.wanted for chain in chains)
        divergences = sum(chain.divergences for chain in chains)
        say(
            f"{model}: {made / wanted:.0%} sampled, {made} of {wanted} draws with warmup, {running} of {len(chains)} "
            f"chains running, {divergences} {'divergence' if divergences == 1 else 'divergences'}"
        )

    return update


def seldom(say: Callable[[str], None]) -> Callable[[str], None]:
    """A function that says those of its lines that come at least ``PATIENCE`` seconds after what was said before."""
    last = monotonic()

    def told(line: str) -> None:
        nonlocal last
        if monotonic() >= last + PATIENCE:
            say(line)
            last = monotonic()

    return told


def from_nutpie(chains) -> list[Chain]:
    """State of the chains, from the argument with which nutpie calls its ``progress_callback``."""
    return [Chain(chain.finished_draws, chain.total_draws, chain.divergences) for chain in chains]


def draw_by_draw(progress, chains: int, wanted: int) -> Callable:
    """Callback for PyMC's own sampler, which calls it after each draw.

    Parameters
    ----------
    progress
        Takes the state of all chains.
    chains
        How many there are.
    wanted
        Draws of each chain, warmup included.
    """
    states = [Chain(0, wanted, 0)] * chains

    def callback(trace, draw) -> None:
        before = states[draw.chain]
        diverging = sum(bool(stats.get("diverging")) for stats in draw.stats)
        states[draw.chain] = Chain(before.made + 1, wanted, before.divergences + diverging)
        progress(states)

    return callback
