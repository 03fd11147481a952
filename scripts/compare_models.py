"""Compare models by leave-one-out cross-validation."""

from partialpool.jobs import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import pandas as pd
        from partialpool import loo, store
        from partialpool.files import atomic

        pointwise = {
            model: loo.of_fit(store.load(path, ("log_likelihood", "constant_data"), spec=spec))
            for (model, spec), path in zip(snakemake.params.specs.items(), snakemake.input.fits, strict=True)
        }
        table = loo.compare(pointwise, estimand="observation", method="psis")
        with atomic(snakemake.output.table) as temporary:
            table.to_csv(temporary, index=False)
        with atomic(snakemake.output.pointwise) as temporary:
            columns = ["model", "row", "elpd", "pareto_k"]
            pd.concat(t.assign(model=m) for m, t in pointwise.items())[columns].to_csv(temporary, index=False)
