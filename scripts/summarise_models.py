"""Summarise every parameter of all fits and their variance, and check their convergence."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.jobs.files import write_text
        from partialpool.jobs.tables import write_table
        from partialpool.predict import of_models

        source, output, params = snakemake.input, snakemake.output, snakemake.params
        models = of_models.summarise(
            params.models,
            prepared=source.prepared,
            fits=dict(zip(params.models, source.fits, strict=True)),
            **params.checks,
        )
        files = zip(output.summaries, output.variances, output.checks, strict=True)
        for (summary, sizes, checks), paths in zip(models, files, strict=True):
            write_table(summary, paths[0])
            write_table(sizes, paths[1])
            write_text(checks, paths[2])
