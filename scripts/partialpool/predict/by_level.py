"""Effects of a categorical outcome: each of its levels but the first has a population of its own."""

from collections.abc import Callable, Iterable

from partialpool.model.names import Term


def level_dim(posterior, term: Term) -> str | None:
    """Dimension of the levels of the outcome along which the effects of a term lie; None where there is none."""
    own = {"chain", "draw", term.grouping_dim, *term.level_coords}
    return next((str(dim) for dim in posterior[term.sd_name].dims if dim not in own), None)


def for_each_level(posterior, dim: str | None, names: Iterable[str], make: Callable):
    """What ``make`` sets in the posterior of each level, put together again.

    Parameters
    ----------
    posterior
        Dataset.
    dim
        From ``level_dim``; where it is None, ``make(posterior)`` is the result.
    names
        Variables that ``make`` sets.
    make
        From a Dataset without ``dim`` to another such Dataset.

    Returns
    -------
    Dataset
        ``posterior`` with these variables.
    """
    import xarray as xr

    if dim is None:
        return make(posterior)
    each = [make(posterior.isel({dim: i})) for i in range(posterior.sizes[dim])]
    # Bambi takes what is first for chains and draws.
    joined = {name: xr.concat([one[name] for one in each], dim).transpose("chain", "draw", ...) for name in names}
    return posterior.assign(joined)
