"""The NetCDF cache: one file a model, written whole or not at all, that says what it is and is checked when read."""

import json
from importlib.metadata import version
from pathlib import Path

from partialpool.errors import StudyError
from partialpool.jobs.files import atomic
from partialpool.model.priors import parse_priors
from partialpool.model.spec import ModelSpec

GROUPS = (
    "posterior",
    "sample_stats",
    "log_likelihood",
    "posterior_predictive",
    "observed_data",
    "constant_data",
)
# Instead of each unit's draws, in a large study.
OPTIONAL = ("group_effects",)
PACKAGES = (
    "partialpool",
    "python",
    "bambi",
    "pymc",
    "pytensor",
    "nutpie",
    "numba",
    "arviz",
    "numpy",
    "xarray",
)


def package_versions() -> dict[str, str]:
    """Versions of the packages that a fit depends on."""
    import platform

    from partialpool import __version__

    known = {"partialpool": __version__, "python": platform.python_version()}
    return {name: known.get(name) or version(name) for name in PACKAGES}


def save(tree, path: str | Path, *, spec: ModelSpec, data_sha256: str) -> None:
    """Write a fit.

    Parameters
    ----------
    tree
        DataTree with the groups of ``GROUPS``, and those of ``OPTIONAL`` that it has; its attributes are kept.
    path
        Target; replaced only when the new file is complete.
    spec
        The model's spec , kept as the attribute ``spec`` in JSON.
    data_sha256
        Checksum of the raw data.

    Raises
    ------
    StudyError
        If the disk is full.
    """
    import xarray as xr

    attributes = dict(tree.attrs)
    names = [*GROUPS, *(name for name in OPTIONAL if name in tree.children)]
    tree = xr.DataTree.from_dict({name: tree[name].to_dataset() for name in names})
    tree.attrs = attributes | {
        "spec": json.dumps(spec.to_dict(), sort_keys=True),
        "versions": json.dumps(package_versions()),
        "data_sha256": data_sha256,
        "seed": spec.seed,
    }
    # A checksum a chunk, so that a damaged file is an error and never another number or another unit;
    # text as characters, since that of strings would not cover the letters.
    encoding = {
        f"/{name}": {
            v: {"fletcher32": True} | ({} if values.dtype.kind in "biuf" else {"dtype": "S1"})
            for v, values in tree[name].variables.items()
        }
        for name in names
    }
    # Made in memory: if HDF5 finds no space on the disk, it ends the process by a signal. By h5netcdf, because netCDF4,
    # which reads it in half the time, writes the time too, so that the same fit would have other bytes each time.
    content = tree.to_netcdf(engine="h5netcdf", encoding=encoding)
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def load(
    path: str | Path,
    groups: tuple[str, ...] = GROUPS,
    *,
    spec: ModelSpec | None = None,
    data_sha256: str | None = None,
):
    """Read a fit into memory, and check that it is whole and the one that is meant.

    Parameters
    ----------
    path
        File written by ``save``.
    groups
        Groups to read; the others stay on disk. Those of ``OPTIONAL`` are left out where a fit has none.
    spec, data_sha256
        What the fit must have been made from, if given.

    Returns
    -------
    DataTree
        The groups asked for, with the file's attributes.

    Raises
    ------
    StudyError
        If the file is missing, damaged, incomplete, or made from another spec or other data.
    """
    import netCDF4
    import xarray as xr

    mend = f"Delete it and run snakemake again: rm '{path}'"
    if not Path(path).is_file():
        raise StudyError(f"There is no fit at '{path}'. Run snakemake to make it.")
    try:
        with netCDF4.Dataset(path) as file:
            missing = [name for name in GROUPS if name not in file.groups]
            there = [name for name in groups if name in file.groups]
            attributes = {name: file.getncattr(name) for name in file.ncattrs()}
            # From the open file: each time that it is opened, what is in all of its groups is read.
            stores = {name: xr.backends.NetCDF4DataStore(file, group=name) for name in there}
            read = {name: xr.open_dataset(store).load() for name, store in stores.items()}
    except Exception as error:  # netCDF4 and xarray raise OSError, ValueError, KeyError, RuntimeError alike
        raise StudyError(f"The fit '{path}' is damaged or no NetCDF file: {error}. {mend}") from None
    if missing or "spec" not in attributes:
        what = ", ".join(missing) or "its attributes"
        raise StudyError(f"The fit '{path}' is not whole: it lacks {what}. {mend}")
    if spec is not None and (changed := _differences(json.loads(attributes["spec"]), spec.to_dict())):
        raise StudyError(f"The fit '{path}' was made from another spec: {changed}. {mend}")
    if data_sha256 is not None and attributes["data_sha256"] != data_sha256:
        raise StudyError(
            f"The fit '{path}' was made from other data: sha256 {attributes['data_sha256'][:12]}..., "
            f"the data are {data_sha256[:12]}.... {mend}"
        )
    tree = xr.DataTree.from_dict(read)
    tree.attrs = attributes
    return tree


def spec_of(tree) -> ModelSpec:
    """What a fit was made from, with the priors that were chosen for it where its config had none.

    Whatever is computed from a fit takes these, and none that other rows would give.

    Parameters
    ----------
    tree
        From ``load``; only its attributes are used.
    """
    automatic = parse_priors(json.loads(tree.attrs.get("automatic_priors", "{}")))
    return ModelSpec.from_dict(json.loads(tree.attrs["spec"])).with_priors(automatic)


def _differences(old: dict, new: dict) -> str:
    return "; ".join(
        f"{key} was {old.get(key)!r}, is {new.get(key)!r}"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    )
