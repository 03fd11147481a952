# One job for all models: to load the packages takes longer than to compute the checks.
rule check_models:
    input:
        prepared=rules.prepare_data.output.prepared,
        fits=fits(study.models),
    output:
        [
            report(
                f"results/checks/{model}.{table}.csv",
                caption="../report/checks.rst",
                category="Models",
                subcategory=model,
                labels={"model": model, "what": table.replace("_", " ")},
            )
            for model, table in tables_of_checks()
        ],
    log:
        "results/logs/check_models/checks.log",
    priority: 2
    conda:
        "../../envs/models.yaml"
    resources:
        **usual,
    params:
        models={name: model_to_check(name) for name in study.models},
        time=study.data.time,
        code=code("check_models"),
    message:
        "Check the models against their data and their priors"
    script:
        "../../scripts/check_models.py"
