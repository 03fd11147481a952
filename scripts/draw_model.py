"""Draw the diagnostics and the posterior predictive check of a model."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        import pandas as pd
        from partialpool.figures import diagnostics, predictive
        from partialpool.fit import store
        from partialpool.model.spec import ModelSpec

        output, labels = snakemake.output, snakemake.params.labels
        groups = ("posterior", "sample_stats", "posterior_predictive", "observed_data")
        tree = store.load(snakemake.input.fit, groups, spec=ModelSpec.from_dict(snakemake.params.spec))
        summary = pd.read_csv(snakemake.input.summary)
        diagnostics.of_fit(tree, summary, labels=labels).save(output.diagnostics_png, output.diagnostics_svg)
        predictive.of_fit(tree, labels=labels).save(output.ppc_png, output.ppc_svg)
