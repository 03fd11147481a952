# Fits, their summaries and the figures that wait for all of them go before jobs that nothing long waits for.
rule fit_model:
    input:
        prepared=rules.prepare_data.output.prepared,
    output:
        fit="results/models/{model}.nc",
    log:
        "results/logs/fit_model/{model}.log",
    cache: caching()
    priority: 1
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


rule summarise_model:
    input:
        prepared=rules.prepare_data.output.prepared,
        fit=rules.fit_model.output.fit,
    output:
        summary=report(
            "results/models/{model}.summary.csv",
            caption="../report/estimates.rst",
            category="Models",
            subcategory="{model}",
            labels={"model": "{model}", "what": "estimates"},
        ),
        variance=report(
            "results/models/{model}.variance.csv",
            caption="../report/variance.rst",
            category="Models",
            subcategory="{model}",
            labels={"model": "{model}", "what": "variance"},
        ),
        checks="results/models/{model}.diagnostics.json",
    log:
        "results/logs/summarise_model/{model}.log",
    priority: 1
    conda:
        "../../envs/summaries.yaml"
    resources:
        **usual,
    params:
        spec=lambda wildcards: study.spec(wildcards.model).to_dict(),
        checks={"thresholds": study.checks.thresholds, "on_failed_check": study.on_failed_check},
        at=lambda wildcards: study.values_asked_for(wildcards.model),
        code=code("summarise_model"),
    message:
        "Summarise and check {wildcards.model}"
    script:
        "../../scripts/summarise_model.py"
