rule compare_models:
    input:
        prepared=rules.prepare_data.output.prepared,
        fits=lambda wildcards: fits(study.comparisons[wildcards.comparison].models),
    output:
        table=report(
            "results/comparison/{comparison}.csv",
            caption="../report/comparison.rst",
            category="Comparisons",
            labels={"comparison": "{comparison}", "what": "table"},
        ),
        pointwise="results/comparison/{comparison}.pointwise.csv",
        units="results/comparison/{comparison}.units.csv",
    log:
        "results/logs/compare_models/{comparison}.log",
    priority: 2
    conda:
        "../../envs/models.yaml"
    resources:
        **usual,
    params:
        specs=lambda wildcards: specs(study.comparisons[wildcards.comparison].models),
        estimands=lambda wildcards: study.comparisons[wildcards.comparison].estimands,
        code=code("compare_models"),
    message:
        "Compare models: {wildcards.comparison}"
    script:
        "../../scripts/compare_models.py"


# A rule of its own and no output of the one before, because only some comparisons ask for it, and because a
# cross-validation is not repeated for it.
rule compute_bayes_factors:
    input:
        prepared=rules.prepare_data.output.prepared,
        fits=lambda wildcards: fits(study.comparisons[wildcards.comparison].models),
    output:
        table=report(
            "results/comparison/{comparison}.bayes_factors.csv",
            caption="../report/bayes-factors.rst",
            category="Comparisons",
            labels={"comparison": "{comparison}", "what": "Bayes factors"},
        ),
    log:
        "results/logs/compute_bayes_factors/{comparison}.log",
    priority: 2
    conda:
        "../../envs/models.yaml"
    resources:
        **usual,
    params:
        specs=lambda wildcards: specs(study.comparisons[wildcards.comparison].models),
        code=code("compute_bayes_factors"),
    message:
        "Compute Bayes factors: {wildcards.comparison}"
    script:
        "../../scripts/compute_bayes_factors.py"


# One job for all predictions: to load the packages takes longer than to predict.
rule predict_values:
    input:
        prepared=rules.prepare_data.output.prepared,
        fits=fits(models_predicting()),
        rows=rows_to_predict_at(),
    output:
        **predicted(sorted(study.predictions)),
    log:
        "results/logs/predict_values/predictions.log",
    priority: 2
    conda:
        "../../envs/models.yaml"
    resources:
        **usual,
    params:
        # In order of the alphabet, so that another order in the config predicts nothing.
        predictions={
            name: {"models": study.predictions[name].models, "asked": study.asked(name)}
            for name in sorted(study.predictions)
        },
        specs=specs(models_predicting()),
        rows=checksums(rows_to_predict_at()),
        code=code("predict_values"),
    message:
        "Predict"
    script:
        "../../scripts/predict_values.py"


rule check_published:
    input:
        fits=fits(study.models),
        summaries=rules.summarise_models.output.summaries,
        data_summary=rules.prepare_data.output.summary,
        predictions=rules.predict_values.output.draws,
        comparisons=expand(rules.compare_models.output.table, comparison=study.comparisons),
        printed=printed_files,
    output:
        table=report(
            "results/published.csv",
            caption="../report/published.rst",
            category="Check against print",
        ),
    log:
        "results/logs/check_published/published.log",
    conda:
        "../../envs/summaries.yaml"
    resources:
        **usual,
    params:
        specs=specs(study.models),
        published=study.published.model_dump() if study.published else None,
        printed=lambda wildcards: checksums(printed_files(wildcards)),
        code=code("check_published"),
    message:
        "Compare the printed numbers with ours"
    script:
        "../../scripts/check_published.py"
