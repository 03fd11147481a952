import pytest
from partialpool.errors import StudyError
from partialpool.start import ask
from partialpool.start.roles import Roles
from partialpool.start.study import opened

from start.conftest import NAMES, made_up

NOTHING = dict.fromkeys(("outcome", "unit", "time", "group", "condition"))


@pytest.fixture
def answer(monkeypatch):
    """Answer questions one after the other; returns the questions."""

    def answer(*answers):
        asked, left = [], list(answers)

        def reply(question):
            asked.append(question)
            if not left:
                raise EOFError
            return left.pop(0)

        monkeypatch.setattr("builtins.input", reply)
        return asked

    return answer


@pytest.fixture
def herds(write, tmp_path):
    return opened(str(write(made_up())), tmp_path)


def test_proposals_are_taken_by_an_empty_answer(answer, herds, capsys):
    asked = answer("", "", "", "", "")
    assert ask.roles(herds, NOTHING) == Roles(*NAMES)
    proposed = [question.rpartition("[")[2] for question in asked]
    assert proposed == ["score]: ", "herd]: ", "month]: ", "region]: ", "-]: "]
    shown = capsys.readouterr().out
    assert "60 rows, 5 columns" in shown
    assert "H00, H01, H02, H03" in shown


def test_each_answer_is_checked_and_asked_for_again(answer, herds, capsys):
    asked = answer("scores", "score", "score", "herd", "-", "visitor", "-", "region", "visitor")
    assert ask.roles(herds, NOTHING) == Roles("score", "herd", None, None, "visitor")
    assert len(asked) == 9
    shown = capsys.readouterr().out
    for words in (
        "Did you mean 'score'?",
        "'score' is the outcome already",
        "'visitor' is not the same in all rows of",
        "'region' is the same in all rows of each herd",
    ):
        assert words in shown, words


def test_what_was_given_is_not_asked(answer, herds):
    asked = answer("-", "-", "-")
    assert ask.roles(herds, NOTHING | {"outcome": "score", "unit": "herd"}) == Roles("score", "herd")
    assert len(asked) == 3


def test_a_unit_has_several_rows(answer, write, tmp_path, capsys):
    source = opened(str(write(made_up().assign(line=range(60)))), tmp_path)
    answer("score", "line", "herd", "-", "-", "-")
    assert ask.roles(source, NOTHING).unit == "herd"
    assert "Every row has a value of 'line' of its own" in capsys.readouterr().out


def test_the_end_of_the_answers_is_no_traceback(answer, herds):
    answer("score")
    with pytest.raises(StudyError, match="nothing is written"):
        ask.roles(herds, NOTHING)


def test_a_file_is_asked_for_until_it_can_be_read(answer, write, tmp_path):
    path = write(made_up())
    asked = answer("", "none.csv", str(path))
    assert ask.source(tmp_path).path == path
    assert len(asked) == 3


def test_a_folder_is_proposed_by_the_name_of_the_file(answer, herds, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    asked = answer("")
    assert str(ask.folder(herds)) == "herds"
    assert asked == ["Folder of the study [herds]: "]


def test_the_order_of_levels_is_asked_where_no_file_tells_it(answer, write, tmp_path, herds):
    source = opened(str(write(made_up().assign(score=["low", "middle", "high"] * 20))), tmp_path)
    answer("low,high", "low, middle, high")
    assert ask.levels(source, "score") == ["low", "middle", "high"]
    assert ask.levels(herds, "score") == []
