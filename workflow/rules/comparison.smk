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


rule predict_values:
    input:
        prepared=rules.prepare_data.output.prepared,
        fits=lambda wildcards: fits(study.predictions[wildcards.prediction].models),
        rows=lambda wildcards: rows_to_predict_at(wildcards.prediction),
    output:
        summary="results/predictions/{prediction}.csv",
        draws="results/predictions/{prediction}.draws.parquet",
    log:
        "results/logs/predict_values/{prediction}.log",
    conda:
        "../../envs/models.yaml"
    resources:
        **usual,
    params:
        prediction=lambda wildcards: study.asked(wildcards.prediction),
        specs=lambda wildcards: specs(study.predictions[wildcards.prediction].models),
        rows=lambda wildcards: checksums(rows_to_predict_at(wildcards.prediction)),
        code=code("predict_values"),
    message:
        "Predict: {wildcards.prediction}"
    script:
        "../../scripts/predict_values.py"


rule check_published:
    input:
        fits=fits(study.models),
        summaries=expand(rules.summarise_model.output.summary, model=study.models),
        data_summary=rules.prepare_data.output.summary,
        predictions=expand(rules.predict_values.output.draws, prediction=study.predictions),
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
