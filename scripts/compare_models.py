"""Compare models by leave-one-out cross-validation."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import pandas as pd
        from partialpool.fit import store
        from partialpool.jobs.tables import write_table
        from partialpool.loo.compare import compare_all
        from partialpool.loo.estimate import of_model
        from partialpool.model.spec import ModelSpec

        specs = {model: ModelSpec.from_dict(spec) for model, spec in snakemake.params.specs.items()}
        prepared = pd.read_parquet(snakemake.input.prepared)
        groups = ("posterior", "log_likelihood", "observed_data", "constant_data")
        options = {"estimands": snakemake.params.estimands, "cores": snakemake.threads}
        models, fits = {}, {}
        for (model, spec), path in zip(specs.items(), snakemake.input.fits, strict=True):
            tree = store.load(path, groups, spec=spec)
            print(f"{model}:")
            models[model], fits[model] = of_model(tree, store.spec_of(tree), prepared, **options), tree.attrs
        for path, table in zip(snakemake.output, compare_all(models, fits), strict=True):
            write_table(table, path)
