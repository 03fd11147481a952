"""Put the results, and all that is needed to check them, into one zip."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from pathlib import Path

        from partialpool.audit import archive

        archive.write(
            snakemake.output.archive,
            results=snakemake.input.results,
            published=snakemake.input.published,
            code=snakemake.params.files,
            project=Path(snakemake.scriptdir).parent,
            study=snakemake.params.study,
        )
