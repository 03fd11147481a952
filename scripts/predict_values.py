"""Expected and predicted values of units, by each model of one entry of the config's predictions."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import pandas as pd
        from partialpool.fit import store
        from partialpool.jobs.files import atomic
        from partialpool.model.spec import ModelSpec
        from partialpool.predict.predict import tables as predict

        specs = {model: ModelSpec.from_dict(spec) for model, spec in snakemake.params.specs.items()}
        prepared = pd.read_parquet(snakemake.input.prepared)
        summaries, draws = [], []
        for (model, spec), path in zip(specs.items(), snakemake.input.fits, strict=True):
            tree = store.load(path, ("posterior",), spec=spec, data_sha256=prepared.attrs["sha256"])
            tables = predict(tree, spec, prepared, model=model, **snakemake.params.prediction)
            summaries.append(tables[0])
            draws.append(tables[1])
        with atomic(snakemake.output.summary) as temporary:
            pd.concat(summaries).to_csv(temporary, index=False)
        with atomic(snakemake.output.draws) as temporary:
            pd.concat(draws, ignore_index=True).to_parquet(temporary)
