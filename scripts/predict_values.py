"""Expected and predicted values of units, by the models of each entry of the config's predictions."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.jobs.tables import write_table
        from partialpool.predict.configured import configured

        source, output, params = snakemake.input, snakemake.output, snakemake.params
        fits = dict(zip(params.specs, source.fits, strict=True))
        predictions = configured(params.predictions, params.specs, prepared=source.prepared, fits=fits)
        files = zip(output.summaries, output.draws, strict=True)
        for (summary, draws), paths in zip(predictions, files, strict=True):
            write_table(summary, paths[0])
            write_table(draws, paths[1])
