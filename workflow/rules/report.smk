rule render_report:
    input:
        notebook=str(NOTEBOOKS / "report.ipynb"),
        page=str(NOTEBOOKS / "page.html.j2"),
        summary=rules.describe_data.output.summary,
        fits=fits(study.models),
        models=expand(rules.summarise_model.output, model=study.models),
        comparisons=expand(rules.compare_models.output, comparison=study.comparisons),
        predictions=expand(rules.predict_values.output.summary, prediction=study.predictions),
        published=rules.check_published.output.table if study.published else [],
        figures=[figure_files(figure) for figure in study.all_figures],
    output:
        html="results/report/report.html",
        notebook="results/report/report.ipynb",
    log:
        "results/logs/render_report/report.log",
    benchmark:
        "results/benchmarks/render_report/report.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        study=study.model_dump(mode="json"),
        code=code("render_report", NOTEBOOKS / "report.ipynb"),
    message:
        "Render the report: {output.html}"
    script:
        "../../scripts/render_report.py"


onstart:
    needed = [job for job in workflow.dag.needrun_jobs() if job.output]
    jobs = [(job.rule.name, "-".join(job.wildcards_dict.values())) for job in needed]
    cores = workflow.resource_settings.cores or 1
    if jobs:
        kept = [model for model in study.models if Path(f"results/models/{model}.nc").exists()]
        cache = workflow.output_file_cache is not None
        print(plan.text(jobs, kept, cores=cores, cache=cache, benchmarks="results/benchmarks"), file=sys.stderr)


onsuccess:
    if Path("results/report/report.html").exists():
        print(f"The report: {Path('results/report/report.html').resolve()}", file=sys.stderr)
