"""Draw the figures of the config and of the comparisons."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from itertools import batched

        import pandas as pd
        from partialpool.figures.comparison import comparison
        from partialpool.figures.draw import configured

        source, params, output = snakemake.input, snakemake.params, snakemake.output
        figures = configured(
            params.figures,
            prepared=source.prepared,
            summaries=dict(zip(params.predictions, source.summaries, strict=True)),
            draws=dict(zip(params.predictions, source.draws, strict=True)),
            fits=dict(zip(params.models, source.fits, strict=True)),
            **{name: params[name] for name in ("columns", "labels", "seed")},
        )
        for (_, figure), files in zip(figures, batched(output.configured, 2), strict=True):
            figure.save(*files)
        for path, files in zip(source.comparisons, batched(output.comparisons, 2), strict=True):
            table = pd.read_csv(path, dtype={"model": str})
            comparison(table, titles=params.titles, labels=params.labels).save(*files)
