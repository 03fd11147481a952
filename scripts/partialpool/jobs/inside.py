"""What Snakemake knows and does not document: the only place that reads its private attributes.

Snakemake has no public way to learn which files and options the configuration is from; whether it is the one that was
started, or one that it started for a job; which jobs will run (in ``onstart``), whether here or on a cluster, and on
how many cores; whether ``--cache`` is given (without it, a rule with ``cache: True`` makes Snakemake warn in every
run); and where it keeps the conda environments of jobs. A test runs a small workflow with
these functions, and fails when a release of Snakemake changes what they read.
"""

from pathlib import Path

from partialpool.errors import StudyError


def config_files(workflow) -> list[str]:
    """Paths of the files from which the configuration was read."""
    return [str(path) for path in workflow.configfiles]


def config_options(workflow) -> list[str]:
    """Keys of the configuration that come from the command line (``--config``), or in part."""
    return list(workflow.config_settings.config)


def is_started_by_the_user(workflow) -> bool:
    """Whether this is the Snakemake that plans the run, and none that runs a job of it."""
    return workflow.is_main_process


def runs_here(workflow) -> bool:
    """Whether jobs run on this machine, and not on a cluster; for ``onstart``."""
    return workflow.local_exec


def jobs_to_run(workflow) -> list[tuple[str, str]]:
    """Rule and name (values of its wildcards) of every job of a run that makes files; for ``onstart``."""
    jobs = [job for job in workflow.dag.needrun_jobs() if job.output]
    return [(job.rule.name, "-".join(job.wildcards_dict.values())) for job in jobs]


def cores(workflow) -> int:
    """Number of cores that jobs share; 1 where a cluster runs them (``workflow.cores`` is an error there)."""
    return workflow.resource_settings.cores or 1


def require_cores(workflow) -> None:
    """Raise StudyError for fewer cores than one, with which Snakemake would wait for ever."""
    if (asked := workflow.resource_settings.cores) is not None and asked < 1:
        raise StudyError(f"'--cores {asked}': no job can run on it. Give at least one core, or all: --cores all.")


def uses_cache(workflow) -> bool:
    """Whether results may come from the cache between workflows (``--cache``)."""
    return workflow.enable_cache


def software_options(workflow) -> list[str]:
    """Options for a Snakemake inside a job, so that its jobs find their software where those of the outer one do."""
    if "conda" not in map(str, workflow.deployment_settings.deployment_method):
        return []
    return ["--sdm", "conda", "--conda-prefix", str(Path(workflow.persistence.conda_env_path).resolve())]
