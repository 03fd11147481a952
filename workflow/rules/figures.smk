# One job for all figures of the config and of the comparisons: to load the packages that draw takes longer than to draw.
# Comparisons are drawn here and not where they are computed, because their figure shows the titles of models, and another
# title must not repeat a cross-validation.
rule draw_figures:
    input:
        prepared=rules.prepare_data.output.prepared,
        summaries=expand(rules.predict_values.output.summary, prediction=predictions_drawn()),
        draws=expand(rules.predict_values.output.draws, prediction=predictions_drawn()),
        fits=fits(models_drawn()),
        comparisons=expand(rules.compare_models.output.table, comparison=study.comparisons),
    output:
        configured=[
            drawn(name, caption="../report/figure.rst", category="Figures", labels={"figure": name})
            for name in study.figures
        ],
        comparisons=[
            drawn(
                f"comparison-{name}",
                caption="../report/comparison-figure.rst",
                category="Comparisons",
                labels={"comparison": name, "what": "figure"},
            )
            for name in study.comparisons
        ],
    log:
        "results/logs/draw_figures/figures.log",
    conda:
        "../../envs/figures.yaml"
    resources:
        **usual,
    params:
        figures={name: figure_entry(name) for name in study.figures},
        predictions=predictions_drawn(),
        models=models_drawn(),
        titles={name: model.title for name, model in study.models.items()},
        labels=study.data.axis_labels,
        columns=study.data.roles,
        seed=study.sampling.seed,
        code=code("draw_figures"),
    message:
        "Draw the figures"
    script:
        "../../scripts/draw_figures.py"
