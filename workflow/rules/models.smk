rule fit_model:
    input:
        prepared=rules.prepare_data.output.prepared,
    output:
        fit="results/models/{model}.nc",
    log:
        "results/logs/fit_model/{model}.log",
    benchmark:
        "results/benchmarks/fit_model/{model}.tsv"
    cache: caching()
    conda:
        "../../envs/models.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input, attempt: fit_memory(study.draws_of(wildcards.model), input.size_mb, attempt),
        runtime=minutes,
    params:
        spec=lambda wildcards: study.spec(wildcards.model).to_dict(),
        pins=pins(),
        code=code("fit_model"),
    message:
        "Fit {wildcards.model}"
    script:
        "../../scripts/fit_model.py"


if caching():
    # Snakemake caches nothing that has a benchmark: what comes from the cache has no time and no memory.
    rules.fit_model.rule._benchmark = None


rule summarise_model:
    input:
        fit=rules.fit_model.output.fit,
    output:
        summary=report(
            "results/models/{model}.summary.csv",
            caption="../report/estimates.rst",
            category="Models",
            subcategory="{model}",
            labels={"model": "{model}", "what": "estimates"},
        ),
        diagnostics="results/models/{model}.diagnostics.json",
    log:
        "results/logs/summarise_model/{model}.log",
    benchmark:
        "results/benchmarks/summarise_model/{model}.tsv"
    conda:
        "../../envs/summaries.yaml"
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        spec=lambda wildcards: study.spec(wildcards.model).to_dict(),
        thresholds=study.checks.model_dump(),
        on_failed_check=study.on_failed_check,
        code=code("summarise_model"),
    message:
        "Summarise and check {wildcards.model}"
    script:
        "../../scripts/summarise_model.py"
