"""What is read of Snakemake's private attributes is still there; a release that changes it fails here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"
SNAKEFILE = """
from partialpool.jobs import inside

configfile: "my.yaml"

rule all:
    input: "b.txt"

rule first:
    output: "{name}.a"
    shell: "touch {output}"

rule second:
    input: "x.a"
    output: "b.txt"
    shell: "touch {output}"

rule says:
    input: "b.txt"
    run: pass

onstart:
    print("JOBS", sorted(inside.jobs_to_run(workflow)), "CACHE", inside.uses_cache(workflow))
    print("CORES", inside.cores(workflow))
    print("SOFTWARE", inside.software_options(workflow), "CONFIG", inside.config_files(workflow))
    print("OPTIONS", inside.config_options(workflow))
"""


@pytest.mark.parametrize(
    ("options", "cache", "software"),
    [([], False, "[]"), (["--cache", "first", "--sdm", "conda"], True, "['--sdm', 'conda', '--conda-prefix', '{}']")],
)
def test_jobs_cache_and_software_of_a_run(tmp_path, options, cache, software):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "my.yaml").write_text("title: Mine")
    # Snakemake asks conda who it is before it uses it.
    conda = tmp_path / "bin/conda"
    conda.parent.mkdir()
    conda.write_text(
        """#!/bin/sh\necho '{"conda_version": "25.1.1", "channel_priority": "strict", "root_prefix": "/none"}'\n"""
    )
    conda.chmod(0o755)
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS), "SNAKEMAKE_OUTPUT_CACHE": str(tmp_path / "cache")}
    environment["PATH"] = f"{conda.parent}{os.pathsep}{environment['PATH']}"
    (tmp_path / "cache").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", *options, "--config", "data={source: a.csv}"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    jobs = [("first", "x"), ("second", "")]
    assert f"JOBS {jobs} CACHE {cache}\nCORES 1\n" in done.stdout, done.stdout
    assert f"SOFTWARE {software.format(tmp_path / '.snakemake/conda')} CONFIG ['my.yaml']" in done.stdout, done.stdout
    assert "OPTIONS ['data']\n" in done.stdout, done.stdout
