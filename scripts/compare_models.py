"""Compare models by leave-one-out cross-validation."""

from partialpool.jobs import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import pandas as pd
        from partialpool import loo, store
        from partialpool.files import atomic

        prepared = pd.read_parquet(snakemake.input.prepared)
        groups = ("posterior", "log_likelihood", "constant_data")
        models = {
            model: loo.of_model(store.load(path, groups, spec=spec), spec, prepared, cores=snakemake.threads)
            for (model, spec), path in zip(snakemake.params.specs.items(), snakemake.input.fits, strict=True)
        }
        output = snakemake.output
        for path, table in zip((output.table, output.pointwise, output.people), loo.compare_all(models), strict=True):
            with atomic(path) as temporary:
                table.to_csv(temporary, index=False)
