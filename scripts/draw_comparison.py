"""Draw a comparison of models."""

from partialpool.jobs import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool import draw

        params = snakemake.params
        figure = draw.comparison(snakemake.input.table, titles=params.titles, labels=params.labels)
        draw.save(figure, snakemake.output.png, snakemake.output.svg)
