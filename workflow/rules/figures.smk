# One job for the figures of all models: to load the packages that draw takes longer than to draw.
rule draw_models:
    input:
        prepared=rules.prepare_data.output.prepared,
        fits=fits(study.models),
        summaries=rules.summarise_models.output.summaries,
        diagnostics=rules.summarise_models.output.checks,
    output:
        [drawn_of_model(kind, model) for model in study.models for kind in study.fit_figures_of(model)],
        [
            drawn(
                f"estimates-{name}",
                caption="../report/model-figures.rst",
                category="Comparisons",
                labels={"comparison": name, "what": "estimates"},
            )
            for name in study.comparisons
        ],
    log:
        "results/logs/draw_models/models.log",
    priority: 1
    conda:
        "../../envs/figures.yaml"
    resources:
        **usual,
    params:
        models={
            name: {"spec": study.spec(name).to_dict(), "title": model.title, "kinds": study.fit_figures_of(name)}
            for name, model in study.models.items()
        },
        comparisons={name: entry.models for name, entry in study.comparisons.items()},
        labels=study.data.axis_labels,
        columns=study.data.measured_labels,
        code=code("draw_models"),
    message:
        "Draw the figures of the models"
    script:
        "../../scripts/draw_models.py"


# Apart from those before, which so need not wait for the checks.
rule draw_checks:
    input:
        fits=fits(study.models),
        tables=rules.check_models.output,
    output:
        [drawn_of_model(kind, model) for model in study.models for kind in study.check_figures],
    log:
        "results/logs/draw_checks/checks.log",
    priority: 1
    conda:
        "../../envs/figures.yaml"
    resources:
        **usual,
    params:
        models={
            name: {
                "spec": study.spec(name).to_dict(),
                "tables": study.checks_of(name),
                "kinds": study.check_figures,
                "outcome": study.measured(name),
            }
            for name in study.models
        },
        labels=study.data.axis_labels,
        code=code("draw_checks"),
    message:
        "Draw the figures of the checks of the models"
    script:
        "../../scripts/draw_checks.py"


# One job for all figures of the config and of the comparisons: to load the packages that draw takes longer than to draw.
# Comparisons are drawn here and not where they are computed, because their figure shows the titles of models, and another
# title must not repeat a cross-validation.
rule draw_figures:
    input:
        **predicted(predictions_drawn()),
        prepared=rules.prepare_data.output.prepared,
        fits=fits(models_drawn()),
        comparisons=expand(rules.compare_models.output.table, comparison=study.comparisons),
        diagnostics=rules.summarise_models.output.checks,
    output:
        # In order of the alphabet, so that another order in the report draws nothing.
        configured=[
            drawn(name, caption="../report/figure.rst", category="Figures", labels={"figure": name})
            for name in sorted(study.figures)
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
    priority: 1
    conda:
        "../../envs/figures.yaml"
    resources:
        **usual,
    params:
        figures={name: figure_entry(name) for name in sorted(study.figures)},
        predictions=predictions_drawn(),
        models=models_drawn(),
        titles={model: study.models[model].title for model in models_compared()},
        labels=study.data.axis_labels,
        columns=study.data.roles,
        seed=study.sampling.seed,
        code=code("draw_figures"),
    message:
        "Draw the figures"
    script:
        "../../scripts/draw_figures.py"
