"""Check all models against their data and their priors."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]) as say:
        from partialpool.checks import of_models
        from partialpool.jobs import progress
        from partialpool.jobs.tables import write_table

        params = snakemake.params
        tables = of_models.check(
            params.models,
            prepared=snakemake.input.prepared,
            fits=dict(zip(params.models, snakemake.input.fits, strict=True)),
            time=params.time,
            cores=snakemake.threads,
        )
        told = progress.seldom(say)
        for (model, check, table), path in zip(tables, snakemake.output, strict=True):
            write_table(table, path)
            told(f"{model}: {check} is done")
