"""Fit a batch of data sets made from the fit of a model."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]) as say:
        from functools import partial

        import pandas as pd
        from partialpool.fit import store
        from partialpool.jobs.tables import write_table
        from partialpool.model.spec import ModelSpec
        from partialpool.simulation import recovery
        from partialpool.simulation.engine import engine_of
        from partialpool.simulation.replicates import run

        model, batch = snakemake.wildcards.model, snakemake.wildcards.batch
        spec = ModelSpec.from_dict(snakemake.params.spec)
        tree = store.load(snakemake.input.fit, ("posterior",), spec=spec)
        engine, _ = engine_of(store.spec_of(tree), pd.read_parquet(snakemake.input.prepared))
        one = partial(recovery.replicate, engine, tree["posterior"].to_dataset(), spec.seed)
        estimates = run(batch, one, name=model, say=say).assign(model=model)
        write_table(estimates, snakemake.output.estimates)
