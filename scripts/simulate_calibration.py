"""Fit a batch of data sets made from the priors of a model, and rank the parameters that they were made from."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]) as say:
        from functools import partial

        import pandas as pd
        from partialpool.jobs.tables import write_table
        from partialpool.model.spec import ModelSpec
        from partialpool.simulation import calibration
        from partialpool.simulation.engine import engine_of
        from partialpool.simulation.replicates import run

        model, spec = snakemake.wildcards.model, ModelSpec.from_dict(snakemake.params.spec)
        engine, rows = engine_of(spec, pd.read_parquet(snakemake.input.prepared))
        one = partial(calibration.replicate, engine, rows[spec.unit], spec.seed)
        ranks = run(snakemake.wildcards.batch, one, name=model, say=say).assign(model=model)
        write_table(ranks, snakemake.output.ranks)
