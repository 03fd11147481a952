"""One run of the demo with few draws, in a copy of the project, for all tests of the workflow."""

import pytest
from copies import Project, copy_project


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Project:
    """A copy of the project whose demo has few draws; nothing has been run."""
    project = copy_project(tmp_path_factory.mktemp("copy") / "project")

    def few_draws(config):
        config["sampling"] |= {"draws": 60, "warmup": 200}
        for model in config["models"].values():
            model.pop("draws")

    project.edit(few_draws)
    return project


@pytest.fixture(scope="session")
def demo(project) -> Project:
    """The same after ``snakemake --cores 2``."""
    project.said = project.snakemake().stdout
    project.jobs = len(list((project.directory / "results/benchmarks").rglob("*.tsv")))
    return project
