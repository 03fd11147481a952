"""Draw the figures of the checks of all models."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.figures import of_checks
        from partialpool.figures.theme import save_all

        source, params = snakemake.input, snakemake.params
        fits = dict(zip(params.models, source.fits, strict=True))
        figures = of_checks.figures(params.models, fits=fits, tables=source.tables, labels=params.labels)
        save_all((figure for _, figure in figures), snakemake.output)
