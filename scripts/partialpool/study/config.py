"""Reads a configuration: completes it with defaults, or says all that is wrong with it.

The JSON schema in ``workflow/schemas/config.schema.yaml`` is made from the same classes (``schema``), so that editors
complete and check a configuration file; a test holds the two together.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from partialpool.errors import StudyError
from partialpool.study import messages, references, spelling
from partialpool.study.study import Study


def load(config: dict[str, Any], files: Sequence[str | Path] = (), options: Sequence[str] = ()) -> Study:
    """Check a configuration and complete it with defaults.

    Parameters
    ----------
    config
        The mapping as read from YAML.
    files
        The files that it was read from, if any: for messages, and to see how ids are written in them.
    options
        The keys that come from the command line (``--config``), or in part, if any: for messages.

    Raises
    ------
    StudyError
        All that is wrong, each with its key and the valid choices.
    """
    mistakes = [mistake for file in files for mistake in spelling.mistakes(file)]
    try:
        # Through JSON, because YAML readers hand over ordered dicts and other mappings.
        study = Study.model_validate(json.loads(json.dumps(_with_names(config), default=str)))
    except ValidationError as error:
        # What is misspelled in the file is reported once.
        places = {mistake.place for mistake in mistakes}
        mistakes += [mistake for mistake in messages.of_pydantic(error) if mistake.place not in places]
    else:
        mistakes += references.mistakes(study)
    if mistakes:
        raise StudyError(messages.told(mistakes, [*files, *(f"--config {key}" for key in options)]))
    return study


def _with_names(value: Any) -> Any:
    """The same with text as keys, which may be dates on the command line."""
    if isinstance(value, Mapping):
        return {str(key): _with_names(member) for key, member in value.items()}
    return [_with_names(member) for member in value] if isinstance(value, list) else value


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration file."""
    return Study.model_json_schema()
