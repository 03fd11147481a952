"""Compute Bayes factors of models, with their priors as they are, narrower and wider."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import pandas as pd
        from partialpool.fit import store
        from partialpool.jobs.tables import write_table
        from partialpool.loo.bayes_factors import bayes_factors
        from partialpool.model.spec import ModelSpec

        specs = {model: ModelSpec.from_dict(spec) for model, spec in snakemake.params.specs.items()}
        prepared = pd.read_parquet(snakemake.input.prepared)
        trees = {
            model: store.load(path, (), spec=spec, data_sha256=prepared.attrs["sha256"])
            for (model, spec), path in zip(specs.items(), snakemake.input.fits, strict=True)
        }
        made_from = {model: store.spec_of(tree) for model, tree in trees.items()}
        fits = {model: tree.attrs for model, tree in trees.items()}
        table = bayes_factors(made_from, fits, prepared, cores=snakemake.threads)
        write_table(table, snakemake.output.table)
