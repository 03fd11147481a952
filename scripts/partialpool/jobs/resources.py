"""Memory and time that a job asks of a cluster: they grow with its inputs, and double after each failure.

Snakemake calls these functions with the inputs, whose size is ``input.size_mb``, and with ``attempt``: 1, and one more
after each failure. The numbers are from measured peaks.
"""


def memory(wildcards, input, attempt: int) -> int:
    """MB of every job except fits, with those of the two Snakemake processes that start it on a cluster."""
    return _growing(1000 + 5 * input.size_mb, attempt)


def fit_memory(draws: int, size_mb: float, attempt: int, *, by_nuts: bool) -> int:
    """MB of a fit.

    Parameters
    ----------
    draws
        Draws of all chains together.
    size_mb
        Size of the prepared data in MB.
    attempt
        1, and one more after each failure.
    by_nuts
        Whether it may be sampled over all parameters.

    Notes
    -----
    Most of the memory holds draws of every row and unit. NUTS keeps all of them. The marginal engine keeps only a part
    when there are many (``marginal.posterior.LARGE``), which is the limit here; a model that it cannot fit for a reason
    in the data may need a second attempt.
    """
    kept = 3 * draws * size_mb if by_nuts else min(draws * size_mb, 1250)
    return _growing(1000 + 25 * size_mb + kept, attempt)


def minutes(wildcards, input, attempt: int) -> int:
    """Minutes of every job: many times what was measured."""
    return _growing(30 + input.size_mb, attempt)


def _growing(first: float, attempt: int) -> int:
    return round(first * 2 ** (attempt - 1))
