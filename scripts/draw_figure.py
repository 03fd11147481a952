"""Draw one figure of the config."""

from partialpool.jobs import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool import draw

        figure = draw.figure(
            snakemake.params.figure,
            prepared=snakemake.input.prepared,
            predictions=snakemake.input.predictions,
            fits=snakemake.input.fit,
            titles=snakemake.params.titles,
            columns=snakemake.params.columns,
            labels=snakemake.params.labels,
            seed=snakemake.params.seed,
        )
        draw.save(figure, snakemake.output.png, snakemake.output.svg)
