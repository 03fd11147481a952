"""A reference, what is said of results beside it, and fits that another checkout has made."""

import shutil

import pandas as pd
import pytest
from copies import Project


@pytest.fixture(scope="module")
def checkouts(project, tmp_path_factory):
    """Makes working directories with one model of the demo, as if each were a checkout of its own."""

    def checkout() -> Project:
        directory = tmp_path_factory.mktemp("checkout")
        (directory / "config").mkdir()
        shutil.copy(project.config, directory / "config")
        study = Project(project.root, directory)

        def smaller(config):
            config["models"] = {"m71.2": config["models"]["m71.2"]}
            config["comparisons"] = config["predictions"] = config["figures"] = {}

        study.edit(smaller)
        return study

    return checkout


@pytest.fixture(scope="module")
def second(checkouts, tmp_path_factory):
    """A checkout with the reference of another, and what it said when it was regenerated; both use one cache."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SNAKEMAKE_OUTPUT_CACHE", str(tmp_path_factory.mktemp("cache")))
        first, second = checkouts(), checkouts()
        output = first.snakemake("keep_reference", "--cache").stdout
        assert fits_made(output) == 1
        shutil.copytree(first.directory / "reference", second.directory / "reference")
        yield second, second.snakemake("regenerate", "--cache").stdout


def fits_made(output: str) -> int:
    """Fits that were made in a run, and are now in the cache."""
    return output.count("Moving output file results/models/")


@pytest.mark.slow
def test_an_unchanged_checkout_has_the_same_numbers(demo):
    demo.snakemake("keep_reference")
    output = demo.snakemake("regenerate").stdout
    table = pd.read_csv(demo.directory / "results/regenerate.csv")
    assert set(table["file"]) >= {"models/m71.5.summary.csv", "comparison/growth.csv"}
    assert set(table["verdict"]) == {"same"}
    assert f"{len(table)} numbers beside those of reference/: {len(table)} same" in output


@pytest.mark.slow
def test_without_a_reference_it_says_how_to_make_one(demo):
    kept = (demo.directory / "reference").rename(demo.directory / "elsewhere")
    done = demo.snakemake("regenerate", check=False)
    kept.rename(demo.directory / "reference")
    assert done.returncode == 1
    assert "There is no reference" in done.stdout
    assert "keep_reference" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_a_second_checkout_makes_no_fit(second):
    study, output = second
    assert fits_made(output) == 0
    assert (study.directory / "results/models/m71.2.nc").is_symlink()
    assert set(pd.read_csv(study.directory / "results/regenerate.csv")["verdict"]) == {"same"}
    # Without the cache what came from it stays.
    assert "fit_model" not in study.planned()


@pytest.mark.slow
def test_a_changed_prior_is_fitted_and_named_and_the_table_stays(second):
    study, _ = second
    study.edit(lambda config: config["models"]["m71.2"]["priors"].update(Intercept="Normal(0, 3)"))
    done = study.snakemake("regenerate", "--cache", check=False)
    assert done.returncode == 1
    assert fits_made(done.stdout) == 1
    assert "m71.2: prior of Intercept: Normal(0, 1.5) -> Normal(0, 3)" in done.stdout
    assert "Traceback" not in done.stdout
    assert set(pd.read_csv(study.directory / "results/regenerate.csv")["verdict"]) == {"changed"}
