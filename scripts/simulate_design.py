"""Make up and fit a batch of studies of every design."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]) as say:
        import pandas as pd
        from partialpool.fit import store
        from partialpool.jobs.tables import write_table
        from partialpool.model.spec import ModelSpec
        from partialpool.simulation import next_study
        from partialpool.simulation.replicates import run

        params, batch = snakemake.params, snakemake.wildcards.batch
        fits = {
            model: store.load(path, ("posterior",), spec=ModelSpec.from_dict(spec))
            for (model, spec), path in zip(params.specs.items(), snakemake.input.fits, strict=True)
        }
        data = pd.read_parquet(snakemake.input.prepared)
        studies = next_study.prepared(params.design, fits, data, columns=params.columns, derived=params.derived)
        rows = run(batch, studies.replicate, name="design", say=say)
        write_table(rows, snakemake.output.studies)
