"""Draw the figures of the config and of the comparisons."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from itertools import batched

        from partialpool.figures import comparison, draw

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
        for (_, figure), files in zip(figures, batched(output.configured, 2), strict=True):
            figure.save(*files)
        for path, files in zip(source.comparisons, batched(output.comparisons, 2), strict=True):
            comparison.of_file(path, source.diagnostics, titles=params.titles, labels=params.labels).save(*files)
