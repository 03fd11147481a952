"""Draw a comparison of models."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import pandas as pd
        from partialpool.figures.comparison import comparison

        params = snakemake.params
        table = pd.read_csv(snakemake.input.table, dtype={"model": str})
        figure = comparison(table, titles=params.titles, labels=params.labels)
        figure.save(snakemake.output.png, snakemake.output.svg)
