"""Draw data from known parameters, and keep the truth beside them."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.data.simulate import GrowthModel, simulate
        from partialpool.jobs.files import atomic

        frame, truth = simulate(GrowthModel(**snakemake.params.simulate), **snakemake.params.columns)
        for table, path in ((frame, snakemake.output.raw), (truth, snakemake.output.truth)):
            with atomic(path) as temporary:
                table.to_csv(temporary, index=False, na_rep="NA")
