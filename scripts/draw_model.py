"""Draw the diagnostics and the posterior predictive check of a model."""

from partialpool.jobs import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool import draw, store

        output, labels = snakemake.output, snakemake.params.labels
        groups = ("posterior", "sample_stats", "posterior_predictive", "observed_data")
        tree = store.load(snakemake.input.fit, groups, spec=snakemake.params.spec)
        checked = draw.diagnostics(tree, snakemake.input.summary, labels)
        draw.save(checked, output.diagnostics_png, output.diagnostics_svg)
        draw.save(draw.posterior_predictive(tree, labels), output.ppc_png, output.ppc_svg)
