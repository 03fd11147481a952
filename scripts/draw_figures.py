"""Draw the figures of the config and of the comparisons."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.figures import comparison, draw
        from partialpool.figures.theme import save_all

        source, output, params = snakemake.input, snakemake.output, snakemake.params
        figures = draw.configured(
            params.figures,
            prepared=source.prepared,
            predictions=dict(zip(params.predictions, zip(source.summaries, source.draws, strict=True), strict=True)),
            fits=dict(zip(params.models, source.fits, strict=True)),
            diagnostics=source.diagnostics,
            columns=params.columns,
            labels=params.labels,
            seed=params.seed,
        )
        save_all((figure for _, figure in figures), output.configured)
        tables, checks = source.comparisons, source.diagnostics
        save_all(comparison.of_files(tables, checks, titles=params.titles, labels=params.labels), output.comparisons)
