"""What is pointed out about columns of the data."""

from collections.abc import Mapping

from partialpool.model.parts import numeric_predictors
from partialpool.study.study import Study


def like_codes(study: Study, codes: Mapping[str, list[int]]) -> list[str]:
    """A sentence for every column that may be of codes, and that models take for a number.

    Parameters
    ----------
    study
        The configuration.
    codes
        Columns with few different whole numbers, and these (``attrs["codes"]`` of the prepared data).
    """
    sentences = []
    for column, values in codes.items():
        models = [name for name, model in study.models.items() if column in numeric_predictors(model.formula)]
        if models:
            shown = ", ".join(map(str, values))
            sentences.append(
                f"{study.data.label(column)} has {len(values)} different values ({shown}) and is a number in "
                f"{', '.join(models)}: each step of one counts the same. If these are codes of categories, write "
                f"data: {{types: {{{column}: category}}}} in the config; if they are numbers, {{{column}: number}}, "
                "and this note goes."
            )
    return sentences
