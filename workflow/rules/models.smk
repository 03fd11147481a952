# What is computed goes before what is drawn from it, and that before jobs that nothing long waits for (`priority`).
rule fit_model:
    input:
        prepared=rules.prepare_data.output.prepared,
    output:
        fit="results/models/{model}.nc",
    log:
        "results/logs/fit_model/{model}.log",
    cache: caching()
    priority: 2
    conda:
        "../../envs/models.yaml"
    threads: fit_threads
    resources:
        **usual
        | {
            "mem_mb": lambda wildcards, input, attempt: fit_memory(
                study.draws_of(wildcards.model),
                input.size_mb,
                attempt,
                by_nuts=study.may_need_nuts(wildcards.model),
            )
        },
    params:
        spec=lambda wildcards: study.spec(wildcards.model).to_dict(),
        pins=pins(),
        code=code("fit_model"),
    message:
        "Fit {wildcards.model}"
    script:
        "../../scripts/fit_model.py"


# One job for all models: to load the packages takes longer than to summarise.
rule summarise_models:
    input:
        prepared=rules.prepare_data.output.prepared,
        fits=fits(study.models),
    output:
        summaries=[
            table_of_model(model, "summary", what="estimates", caption="../report/estimates.rst")
            for model in study.models
        ],
        variances=[
            table_of_model(model, "variance", what="variance", caption="../report/variance.rst")
            for model in study.models
        ],
        checks=expand("results/models/{model}.diagnostics.json", model=study.models),
    log:
        "results/logs/summarise_models/models.log",
    priority: 2
    conda:
        "../../envs/summaries.yaml"
    resources:
        **usual,
    params:
        models={
            model: {"spec": study.spec(model).to_dict(), "at": study.values_asked_for(model)} for model in study.models
        },
        checks={"thresholds": study.checks.thresholds, "on_failed_check": study.on_failed_check},
        code=code("summarise_models"),
    message:
        "Summarise and check the models"
    script:
        "../../scripts/summarise_models.py"
