"""What a job asks of a cluster, from measured peaks: for itself, for what it reads, and twice as much after a failure.

The functions take what `resources:` gives them: the size of the inputs, ``input.size_mb``, and ``attempt``, which is 1,
and one more after each failure.
"""


def memory(wildcards, input, attempt: int) -> int:
    """MB of any job but a fit, those of the two Snakemakes that start it on a cluster included."""
    return _growing(1000 + 5 * input.size_mb, attempt)


def fit_memory(draws: int, size_mb: float, attempt: int) -> int:
    """MB of a fit with so many draws, of all chains together, to so many MB of prepared data.

    Draws by row and unit are most of it, until they are so many that the marginal engine keeps a part of them only
    (``marginal.LARGE``). NUTS keeps all, and has its retries.
    """
    return _growing(1000 + 25 * size_mb + min(draws * size_mb, 1250), attempt)


def minutes(wildcards, input, attempt: int) -> int:
    """Minutes of any job: many times what it took where it was measured."""
    return _growing(30 + input.size_mb, attempt)


def _growing(first: float, attempt: int) -> int:
    return round(first * 2 ** (attempt - 1))
