"""Draw one figure of the config."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.figures import draw

        params = snakemake.params
        entry = params.figure | {"titles": params.titles}
        summary, draws = snakemake.input.predictions or (None, None)
        figures = draw.configured(
            {snakemake.wildcards.figure: entry},
            prepared=snakemake.input.prepared,
            summaries={entry.get("predictions"): summary},
            draws={entry.get("predictions"): draws},
            fits=dict(zip(params.titles, snakemake.input.fit, strict=False)),
            columns=params.columns,
            labels=params.labels,
            seed=params.seed,
        )
        for _, figure in figures:
            figure.save(snakemake.output.png, snakemake.output.svg)
