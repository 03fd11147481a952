"""Draw the figures of the checks of all models."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from itertools import batched

        from partialpool.figures import of_checks

        source, params = snakemake.input, snakemake.params
        fits = dict(zip(params.models, source.fits, strict=True))
        figures = of_checks.figures(params.models, fits=fits, tables=source.tables, labels=params.labels)
        for (_, figure), files in zip(figures, batched(snakemake.output, 2), strict=True):
            figure.save(*files)
