"""Draw the figures that every model and every comparison of models has."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.figures import of_models
        from partialpool.figures.theme import save_all

        source, params = snakemake.input, snakemake.params
        figures = of_models.figures(
            params.models,
            comparisons=params.comparisons,
            prepared=source.prepared,
            fits=dict(zip(params.models, source.fits, strict=True)),
            summaries=dict(zip(params.models, source.summaries, strict=True)),
            diagnostics=source.diagnostics,
            labels=params.labels,
            columns=params.columns,
        )
        save_all((figure for _, figure in figures), snakemake.output)
