from snakemake.utils import min_version

min_version("9.27")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/comparison.smk"
include: "workflow/rules/checks.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/simulation.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/reference.smk"
include: "workflow/rules/archive.smk"


# All that a study has, though the report needs it too: what is deleted is made again.
rule all:
    default_target: True
    input:
        rules.prepare_data.output,
        fits(study.models),
        rules.summarise_models.output,
        expand(rules.compare_models.output, comparison=study.comparisons),
        rules.predict_values.output,
        rules.check_models.output,
        rules.draw_models.output,
        rules.draw_checks.output,
        rules.draw_figures.output,
        rules.check_published.output if study.published else [],
        rules.write_paper.output,
        rules.render_report.output,
