"""Draw a comparison of models."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.figures import draw

        params = snakemake.params
        figure = draw.comparison_of(snakemake.input.table, titles=params.titles, labels=params.labels)
        draw.save_figure(figure, snakemake.output.png, snakemake.output.svg)
