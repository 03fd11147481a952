"""Compute Bayes factors of models, with their priors as they are, narrower and wider."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import pandas as pd
        from partialpool.fit import store
        from partialpool.jobs.files import atomic
        from partialpool.loo.bayes_factors import bayes_factors
        from partialpool.model.spec import ModelSpec

        specs = {model: ModelSpec.from_dict(spec) for model, spec in snakemake.params.specs.items()}
        prepared = pd.read_parquet(snakemake.input.prepared)
        fits = {
            model: store.load(path, (), spec=spec, data_sha256=prepared.attrs["sha256"]).attrs
            for (model, spec), path in zip(specs.items(), snakemake.input.fits, strict=True)
        }
        table = bayes_factors(specs, fits, prepared, cores=snakemake.threads)
        with atomic(snakemake.output.table) as temporary:
            table.to_csv(temporary, index=False)
