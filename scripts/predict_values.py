"""Expected and predicted values of people, by each model of one entry of the config's predictions."""

from partialpool.jobs import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import pandas as pd
        from partialpool import predict, store
        from partialpool.files import atomic

        prepared = pd.read_parquet(snakemake.input.prepared)
        summaries, draws = [], []
        for (model, spec), path in zip(snakemake.params.specs.items(), snakemake.input.fits, strict=True):
            tree = store.load(path, ("posterior",), spec=spec, data_sha256=prepared.attrs["sha256"])
            tables = predict.tables(tree, spec, prepared, model=model, **snakemake.params.prediction)
            summaries.append(tables[0])
            draws.append(tables[1])
        with atomic(snakemake.output.summary) as temporary:
            pd.concat(summaries).to_csv(temporary, index=False)
        with atomic(snakemake.output.draws) as temporary:
            pd.concat(draws, ignore_index=True).to_parquet(temporary)
