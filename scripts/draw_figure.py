"""Draw one figure of the config."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.figures import draw

        figure = draw.figure_of(
            snakemake.params.figure,
            prepared=snakemake.input.prepared,
            predictions=snakemake.input.predictions,
            fits=snakemake.input.fit,
            titles=snakemake.params.titles,
            columns=snakemake.params.columns,
            labels=snakemake.params.labels,
            seed=snakemake.params.seed,
        )
        draw.save_figure(figure, snakemake.output.png, snakemake.output.svg)
