"""Expected and predicted values of units, by each model of one entry of the config's predictions."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import pandas as pd
        from partialpool.fit import store
        from partialpool.jobs.tables import write_table
        from partialpool.model.spec import ModelSpec
        from partialpool.predict.asked import Asked
        from partialpool.predict.predict import predict
        from partialpool.predict.tables import draws, summarise

        specs = {model: ModelSpec.from_dict(spec) for model, spec in snakemake.params.specs.items()}
        prepared = pd.read_parquet(snakemake.input.prepared)
        asked, predictions = Asked(**snakemake.params.prediction), []
        for (model, spec), path in zip(specs.items(), snakemake.input.fits, strict=True):
            tree = store.load(path, ("posterior",), spec=spec, data_sha256=prepared.attrs["sha256"])
            predictions.append(predict(tree, store.spec_of(tree), prepared, asked, model=model))
        write_table(summarise(predictions), snakemake.output.summary)
        write_table(draws(predictions), snakemake.output.draws)
