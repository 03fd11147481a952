import errno
import gc
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from partialpool.errors import StudyError
from partialpool.fit import store
from partialpool.fit.store import GROUPS, PACKAGES, package_versions
from partialpool.model.priors import parse

SHA = "c4" * 32


@pytest.fixture(scope="module")
def saved(tmp_path_factory, fit, correlated):
    path = tmp_path_factory.mktemp("models") / "m.nc"
    store.save(fit, path, spec=correlated, data_sha256=SHA)
    return path


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copy(saved, tmp_path / "m.nc")


def test_a_fit_keeps_the_priors_that_its_config_left_out(tmp_path, fit, correlated):
    bare = replace(correlated, priors={"sd": correlated.priors["sd"]})
    automatic = {name: str(prior) for name, prior in correlated.priors.items() if name != "sd"}
    fit = fit.copy()
    fit.attrs["automatic_priors"] = json.dumps(automatic)
    store.save(fit, tmp_path / "m.nc", spec=bare, data_sha256=SHA)
    tree = store.load(tmp_path / "m.nc", ("posterior",), spec=bare)
    assert store.spec_of(tree) == correlated
    with pytest.raises(StudyError, match="made from another spec: priors was"):
        store.load(tmp_path / "m.nc", spec=correlated)


def test_a_fit_whose_config_has_all_priors_has_them(saved, correlated):
    assert store.spec_of(store.load(saved, ())) == correlated


# ---------------------------------------------------------------------------------------- whole files


def test_what_is_read_is_what_was_written(saved, fit, correlated):
    tree = store.load(saved, spec=correlated, data_sha256=SHA)
    assert tuple(tree.children) == GROUPS
    for name in GROUPS:
        read, written = tree[name].to_dataset(), fit[name].to_dataset()
        assert list(read.variables) == list(written.variables)
        for variable in written.variables:
            assert read[variable].dims == written[variable].dims
            np.testing.assert_array_equal(read[variable], written[variable])
            if read[variable].dtype.kind == "f":
                assert read[variable].values.tobytes() == written[variable].values.tobytes()
        assert {name: np.asarray(value).tolist() for name, value in read.attrs.items()} == {
            name: np.asarray(value).tolist() for name, value in written.attrs.items()
        }


def test_a_fit_is_opened_once_however_many_groups_are_read(saved, monkeypatch):
    """By itself xarray would open it for each."""
    monkeypatch.setattr(xr.backends.NetCDF4DataStore, "open", None)
    assert tuple(store.load(saved).children) == GROUPS


def test_a_file_says_what_it_is(saved, correlated):
    attributes = store.load(saved, ()).attrs
    assert json.loads(attributes["spec"]) == correlated.to_dict()
    assert attributes["data_sha256"] == SHA
    assert attributes["seed"] == correlated.seed
    assert json.loads(attributes["versions"]) == package_versions()


def test_versions_are_those_installed():
    import platform

    import pymc

    versions = package_versions()
    assert tuple(versions) == PACKAGES
    assert versions["pymc"] == pymc.__version__
    assert versions["python"] == platform.python_version()
    assert all(versions.values())


def test_the_same_fit_makes_the_same_bytes(saved, fit, correlated, tmp_path):
    # HDF5 may keep times, in seconds.
    time.sleep(1.1)
    spec = replace(correlated, priors=dict(reversed(correlated.priors.items())))
    store.save(fit, tmp_path / "again.nc", spec=spec, data_sha256=SHA)
    assert (tmp_path / "again.nc").read_bytes() == saved.read_bytes()


def test_only_the_groups_asked_for_are_read(saved, fit):
    tree = store.load(saved, ("posterior", "constant_data"))
    assert tuple(tree.children) == ("posterior", "constant_data")
    xr.testing.assert_equal(tree["posterior"].to_dataset(), fit["posterior"].to_dataset())


def test_what_is_read_is_in_memory(copy):
    tree = store.load(copy)
    copy.unlink()
    assert np.isfinite(tree["posterior"]["x"]).all()


# ---------------------------------------------------------------------------------------- writing


NO_SPACE = """
import json, resource, sys
from partialpool.errors import StudyError
from partialpool.fit import store
from partialpool.model.spec import ModelSpec
path, target = sys.argv[1:]
tree = store.load(path)
spec = ModelSpec.from_dict(json.loads(tree.attrs.pop("spec")))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    store.save(tree, target, spec=spec, data_sha256="0")
except StudyError as error:
    sys.exit(str(error).partition(" (")[0])
"""


def test_no_space_is_said_in_words_and_leaves_nothing(saved, tmp_path):
    """HDF5 would end the process by a signal; so it is one of its own, in which a file has at most 20 kB."""
    target = tmp_path / "models" / "m.nc"
    run = subprocess.run(
        [sys.executable, "-c", NO_SPACE, saved, target],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(store.__file__).parents[2])},
    )
    # Behind it Python may add that the bytes which could not be written were still in use.
    assert (run.returncode, run.stderr.splitlines()[0]) == (1, f"No space left on the disk for '{target}'")
    assert list(target.parent.iterdir()) == []


def test_a_full_disk_is_said_in_words(fit, correlated, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StudyError, match=r"No space left on the disk for '.*m\.nc'"):
        store.save(fit, tmp_path / "m.nc", spec=correlated, data_sha256=SHA)
    assert list(tmp_path.iterdir()) == []


# What h5py leaves of a file in memory that could not be written complains when it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_failure_leaves_the_old_file_and_nothing_else(copy, fit, correlated):
    before = copy.read_bytes()
    unwritable = xr.DataTree.from_dict({name: fit[name].to_dataset() for name in GROUPS})
    unwritable["constant_data"]["row"] = ("__obs__", np.array([object()] * 60))
    with pytest.raises((TypeError, ValueError)):
        store.save(unwritable, copy, spec=correlated, data_sha256=SHA)
    assert copy.read_bytes() == before
    assert list(copy.parent.iterdir()) == [copy]
    gc.collect()


def test_nothing_is_written_of_a_fit_that_lacks_a_group(tmp_path, fit, correlated):
    incomplete = xr.DataTree.from_dict({name: fit[name].to_dataset() for name in GROUPS[:-1]})
    with pytest.raises(KeyError, match="constant_data"):
        store.save(incomplete, tmp_path / "m.nc", spec=correlated, data_sha256=SHA)
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------------------- damage


def refusal(path, **arguments):
    """The message of the error; it always names the file and what to do."""
    with pytest.raises(StudyError) as caught:
        store.load(path, **arguments)
    message = str(caught.value)
    assert f"'{path}'" in message
    assert "run snakemake again" in message or "Run snakemake" in message
    return message


def test_no_file(tmp_path):
    message = refusal(tmp_path / "m.nc")
    assert message == f"There is no fit at '{tmp_path / 'm.nc'}'. Run snakemake to make it."


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.9, 1 - 1e-6])
def test_a_file_cut_short(copy, share):
    content = copy.read_bytes()
    copy.write_bytes(content[: int(share * len(content))])
    assert "is damaged or no NetCDF file" in refusal(copy)


def test_a_file_of_another_kind(tmp_path):
    path = tmp_path / "m.nc"
    path.write_text("model,rank\nm1,1\n" * 1000)
    assert "is damaged or no NetCDF file" in refusal(path)
    assert f"rm '{path}'" in refusal(path)


VARIABLES = [
    "posterior/x|id",
    "posterior/cor_id",
    "posterior/draw",
    "sample_stats/diverging",
    "sample_stats/step_size",
    "log_likelihood/y",
    "posterior_predictive/y",
    "observed_data/y",
    "constant_data/row",
    "constant_data/__obs__",
    "posterior/id__factor_dim",
    "constant_data/id",
]


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_flipped_bit(copy, variable):
    with h5py.File(copy) as file:
        chunk = file[variable].id.get_chunk_info(0)
    content = bytearray(copy.read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 1
    copy.write_bytes(content)
    assert "is damaged" in refusal(copy)


def test_every_variable_has_a_checksum(saved, fit):
    with h5py.File(saved) as file:
        for group in GROUPS:
            for name in fit[group].variables:
                assert file[group][name].fletcher32, (group, name)


def test_text_of_any_kind_survives(fit, correlated, tmp_path):
    named = xr.DataTree.from_dict({name: fit[name].to_dataset() for name in GROUPS})
    names = ["A-07", "Zoë", "", "山田", " a b ", "6", *"cdefgh"]
    named["posterior"] = named["posterior"].to_dataset().assign_coords(id__factor_dim=names)
    store.save(named, tmp_path / "m.nc", spec=correlated, data_sha256=SHA)
    tree = store.load(tmp_path / "m.nc")
    assert tree["posterior"]["id__factor_dim"].values.tolist() == names
    np.testing.assert_array_equal(tree["posterior"]["x|id"], fit["posterior"]["x|id"])


@pytest.mark.parametrize("group", GROUPS)
def test_a_missing_group(copy, group):
    with h5py.File(copy, "r+") as file:
        del file[group]
    assert f"is not whole: it lacks {group}" in refusal(copy, groups=("observed_data",))


def test_missing_attributes(copy):
    with h5py.File(copy, "r+") as file:
        del file.attrs["spec"]
    assert "is not whole: it lacks its attributes" in refusal(copy)


# ---------------------------------------------------------------------------------------- another fit


def test_another_spec(saved, correlated):
    other = replace(correlated, seed=4, priors={**correlated.priors, "b": parse("Normal(0, 2)")})
    message = refusal(saved, spec=other)
    assert "was made from another spec: priors was" in message
    assert "'b': 'Normal(0, 2)'" in message
    assert "; seed was 3, is 4" in message
    assert "formula" not in message


def test_a_fit_of_an_older_release_has_another_spec(copy, correlated):
    """Its keys had other names: a message, and no KeyError."""
    old = correlated.to_dict()
    old["person"] = old.pop("unit")
    with h5py.File(copy, "r+") as file:
        file.attrs["spec"] = json.dumps(old)
    message = refusal(copy, spec=correlated)
    assert "was made from another spec: person was 'id', is None; unit was None, is 'id'. Delete it" in message
    assert "link was None" not in message


def test_other_data(saved, correlated):
    message = refusal(saved, spec=correlated, data_sha256="d5" * 32)
    assert "was made from other data: sha256 c4c4c4c4c4c4..., the data are d5d5d5d5d5d5..." in message
