"""Draw the diagnostics and the posterior predictive check of a model."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.figures import draw
        from partialpool.fit import store
        from partialpool.model.spec import ModelSpec

        output, labels = snakemake.output, snakemake.params.labels
        groups = ("posterior", "sample_stats", "posterior_predictive", "observed_data")
        tree = store.load(snakemake.input.fit, groups, spec=ModelSpec.from_dict(snakemake.params.spec))
        checked = draw.diagnostics_of(tree, snakemake.input.summary, labels)
        draw.save_figure(checked, output.diagnostics_png, output.diagnostics_svg)
        draw.save_figure(draw.predictive_check_of(tree, labels), output.ppc_png, output.ppc_svg)
