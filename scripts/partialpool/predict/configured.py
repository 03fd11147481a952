"""All predictions of the config, one entry after the other."""

from collections.abc import Iterator, Mapping

import pandas as pd

from partialpool.errors import StudyError
from partialpool.fit import store
from partialpool.model.spec import ModelSpec
from partialpool.predict.asked import Asked
from partialpool.predict.predict import Prediction, predict
from partialpool.predict.tables import draws, summarise


def configured(
    predictions: Mapping[str, Mapping], specs: Mapping[str, Mapping], *, prepared: str, fits: Mapping[str, str]
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Predict.

    Parameters
    ----------
    predictions
        By name ``models``, and as ``asked`` what each of them is asked.
    specs
        Of the models, by name.
    prepared
        Path of the prepared data.
    fits
        Paths by model.

    Yields
    ------
    summary, draws
        Tables of each entry (``tables.summarise``, ``tables.draws``), in their order.

    Raises
    ------
    StudyError
        Which entry cannot be predicted, and why.
    """
    data = pd.read_parquet(prepared)

    def of_model(model: str, asked: Asked) -> Prediction:
        spec = ModelSpec.from_dict(specs[model])
        tree = store.load(fits[model], ("posterior",), spec=spec, data_sha256=data.attrs["sha256"])
        return predict(tree, store.spec_of(tree), data, asked, model=model)

    for name, entry in predictions.items():
        try:
            made = [of_model(model, Asked(**entry["asked"])) for model in entry["models"]]
            yield summarise(made), draws(made)
        except StudyError as error:
            raise StudyError(f"predictions.{name}: {error}") from None
