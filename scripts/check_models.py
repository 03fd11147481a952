"""Check all models against their data and their priors."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.checks import of_models
        from partialpool.jobs.tables import write_table

        params = snakemake.params
        tables = of_models.check(
            params.models,
            prepared=snakemake.input.prepared,
            fits=dict(zip(params.models, snakemake.input.fits, strict=True)),
            time=params.time,
            cores=snakemake.threads,
        )
        for (_, _, table), path in zip(tables, snakemake.output, strict=True):
            write_table(table, path)
