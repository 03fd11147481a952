from partialpool.report.columns import like_codes
from partialpool.study.config import load

from report.made_up_study import study_values


def test_codes_are_pointed_out_where_a_model_takes_them_for_numbers():
    study = load(study_values())
    (sentence,) = like_codes(study, {"year": [1, 2, 3], "breed": [1, 2, 3, 4]})
    assert "has 3 different values (1, 2, 3) and is a number in b: each step" in sentence
    assert "data: {types: {year: category}} in the config" in sentence
    assert like_codes(study, {}) == []
