"""Fit one model and keep it as NetCDF."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]) as say:
        import pandas as pd
        from partialpool.fit import fit, store
        from partialpool.jobs import progress
        from partialpool.model.spec import ModelSpec

        spec = ModelSpec.from_dict(snakemake.params.spec)
        prepared = pd.read_parquet(snakemake.input.prepared)
        shown = progress.lines(say, snakemake.wildcards.model)
        tree = fit.fit(spec, prepared, cores=snakemake.threads, progress=shown)
        store.save(tree, snakemake.output.fit, spec=spec, data_sha256=prepared.attrs["sha256"])
