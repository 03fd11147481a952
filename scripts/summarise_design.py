"""Join the simulated studies, say what each design is good for, and draw it."""

from partialpool.jobs.job import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        from partialpool.figures import design
        from partialpool.jobs.files import write_text
        from partialpool.jobs.tables import write_table
        from partialpool.simulation import answers
        from partialpool.simulation.replicates import join

        params, output = snakemake.params, snakemake.output
        asked, nouns = params.design, params.nouns
        studies, given = answers.fitted(join(snakemake.input.batches)), {"model": asked["model"], "rope": asked["rope"]}
        table = answers.table(studies, **given)
        goals = answers.goals(studies, **given, wanted=asked["goals"])
        write_table(table, output.table)
        write_table(goals, output.goals)
        write_text(answers.told(table, goals, wanted=asked["goals"], nouns=nouns) + "\n", output.text)
        design.design(table, goals, titles=params.titles, nouns=nouns).save(*output.figure)
