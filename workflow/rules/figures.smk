rule draw_figure:
    input:
        prepared=rules.prepare_data.output.prepared,
        predictions=lambda wildcards: prediction_files(wildcards.figure),
        fit=lambda wildcards: (
            fits(study.figure_models(wildcards.figure))
            if study.figures[wildcards.figure].kind == "intercepts-slopes"
            else []
        ),
    output:
        png=report(
            "results/figures/{figure}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        svg="results/figures/{figure}.svg",
    log:
        "results/logs/draw_figure/{figure}.log",
    benchmark:
        "results/benchmarks/draw_figure/{figure}.tsv"
    localrule: True
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        figure=lambda wildcards: study.figures[wildcards.figure].model_dump(
            exclude={"title", "caption", "alt", "section"}
        ),
        titles=lambda wildcards: {model: study.models[model].title for model in study.figure_models(wildcards.figure)},
        columns=study.data.roles,
        labels=study.data.axis_labels,
        seed=study.sampling.seed,
        caption=lambda wildcards: captions.caption(study, wildcards.figure),
        code=code("draw_figure"),
    message:
        "Draw {wildcards.figure}"
    script:
        "../../scripts/draw_figure.py"


rule draw_model:
    input:
        fit=rules.fit_model.output.fit,
        summary=rules.summarise_model.output.summary,
    output:
        **{
            f"{kind}_{suffix}": (
                report(
                    f"results/figures/{kind}-{{model}}.{suffix}",
                    caption=f"../report/{kind}.rst",
                    category="Models",
                    subcategory="{model}",
                    labels={"model": "{model}", "what": kind},
                )
                if suffix == "png"
                else f"results/figures/{kind}-{{model}}.{suffix}"
            )
            for kind in ("diagnostics", "ppc")
            for suffix in ("png", "svg")
        },
    log:
        "results/logs/draw_model/{model}.log",
    benchmark:
        "results/benchmarks/draw_model/{model}.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        spec=lambda wildcards: study.spec(wildcards.model).to_dict(),
        labels=study.data.axis_labels,
        captions=lambda wildcards: {
            kind: captions.caption(study, f"{kind}-{wildcards.model}") for kind in ("diagnostics", "ppc")
        },
        code=code("draw_model"),
    message:
        "Draw diagnostics and posterior predictive check of {wildcards.model}"
    script:
        "../../scripts/draw_model.py"


rule draw_comparison:
    input:
        table=rules.compare_models.output.table,
    output:
        png=report(
            "results/figures/comparison-{comparison}.png",
            caption="../report/figure.rst",
            category="Comparisons",
            labels={"comparison": "{comparison}", "what": "figure"},
        ),
        svg="results/figures/comparison-{comparison}.svg",
    log:
        "results/logs/draw_comparison/{comparison}.log",
    benchmark:
        "results/benchmarks/draw_comparison/{comparison}.tsv"
    localrule: True
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        titles={name: model.title for name, model in study.models.items()},
        labels=study.data.axis_labels,
        caption=lambda wildcards: captions.caption(study, f"comparison-{wildcards.comparison}"),
        code=code("draw_comparison"),
    message:
        "Draw the comparison {wildcards.comparison}"
    script:
        "../../scripts/draw_comparison.py"
