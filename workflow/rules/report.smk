# A rule of its own, because its tables follow from the results, and are made again to check an archive.
rule write_paper:
    input:
        fits=fits(study.models),
        summaries=rules.summarise_models.output.summaries,
        variances=rules.summarise_models.output.variances,
        checks=rules.summarise_models.output.checks,
        comparisons=expand(rules.compare_models.output.table, comparison=study.comparisons),
    output:
        tables=expand("results/tables/{table}.{kind}", table=tables_for_a_paper(), kind=("csv", "tex", "docx")),
        methods="results/report/methods.txt",
        references="results/report/methods.bib",
    log:
        "results/logs/write_paper/paper.log",
    conda:
        "../../envs/report.yaml"
    resources:
        **usual,
    params:
        study=study_of_a_paper(),
        snakemake=version("snakemake"),
        code=code("write_paper"),
    message:
        "Write tables and methods for a paper"
    script:
        "../../scripts/write_paper.py"


rule render_report:
    input:
        notebook=str(NOTEBOOKS / "report.ipynb"),
        page=str(NOTEBOOKS / "page.html.j2"),
        prepared=rules.prepare_data.output.prepared,
        summary=rules.prepare_data.output.summary,
        fits=fits(study.models),
        models=rules.summarise_models.output,
        checks=rules.check_models.output,
        comparisons=expand(rules.compare_models.output, comparison=study.comparisons),
        bayes_factors=expand(rules.compute_bayes_factors.output, comparison=comparisons_with_bayes_factors()),
        predictions=rules.predict_values.output.summaries,
        published=rules.check_published.output.table if study.published else [],
        figures=[*rules.draw_models.output, *rules.draw_checks.output, *rules.draw_figures.output],
        paper=rules.write_paper.output,
    output:
        html="results/report/report.html",
        notebook="results/report/report.ipynb",
        guidelines="results/tables/guidelines.md",
    log:
        "results/logs/render_report/report.log",
    conda:
        "../../envs/report.yaml"
    resources:
        **usual,
    params:
        study=study.model_dump(mode="json"),
        code=code("render_report", NOTEBOOKS / "report.ipynb"),
    message:
        "Render the report: {output.html}"
    script:
        "../../scripts/render_report.py"


# Rules whose jobs take long.
FITTING = {"fit_model", "simulate_calibration", "simulate_recovery", "simulate_design"}


onstart:
    running.forget_notes()
    if inside.runs_here(workflow):
        running.end_jobs_when_asked()
    if jobs := inside.jobs_to_run(workflow):
        # Before anything long: else only the job that meets a mistake in an edited config would tell it.
        rules_to_run, prepared = {rule for rule, _ in jobs}, Path("results/data/prepared.parquet")
        keeps_data = "prepare_data" not in rules_to_run and prepared.exists()
        if keeps_data:
            read(require_as_written, prepared)
        if keeps_data and rules_to_run & FITTING:
            # With `--sdm` Snakemake's own environment may lack the packages; then the job tells it.
            with suppress(ImportError):
                from partialpool.audit import suits

                read(suits.check_again, config, prepared)
        kept = [model for model in study.models if Path(f"results/models/{model}.nc").exists()]
        about = {
            "slower": [model for model in study.models if study.may_need_nuts(model)],
            "cores": inside.cores(workflow),
            "cache": inside.uses_cache(workflow),
            "benchmarks": "results/benchmarks",
        }
        print(plan.text(jobs, kept, **about), file=sys.stderr)


onerror:
    if words := running.edited(files_read(), BEGUN):
        print(words, file=sys.stderr)
    if words := running.without_room(Path.cwd()) or running.ended_without_a_word():
        print(words, file=sys.stderr)


onsuccess:
    if words := running.edited(files_read(), BEGUN):
        print(words, file=sys.stderr)
    if failed := checks.closing("results/models", {name: study.spec(name) for name in study.models}):
        print(failed, file=sys.stderr)
    page, zipped = Path("results/report/report.html"), Path("results/archive.zip")
    if page.exists():
        print(f"The report: {page.resolve()}", file=sys.stderr)
        if zipped.exists() and zipped.stat().st_mtime < page.stat().st_mtime:
            print(
                f"{zipped} is of earlier results. To make it of these: snakemake --cores 4 archive", file=sys.stderr
            )
