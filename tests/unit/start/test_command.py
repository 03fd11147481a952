import sys

import pytest
from partialpool.start import command

from start.conftest import made_up


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)


def test_a_whole_command(write, tmp_path, capsys):
    path = str(write(made_up()))
    status = command.main([str(tmp_path / "new"), path, "--outcome", "score", "--unit", "herd", "--time", "month"])
    assert status == 0
    assert (tmp_path / "new/config/config.yaml").exists()
    assert "uv run snakemake --cores 4 --directory" in capsys.readouterr().out


def test_what_is_missing_is_told_where_nobody_can_be_asked(capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main(["new", "herds.csv", "--unit", "herd"])
    assert stopped.value.code == 2
    assert "missing: --outcome" in capsys.readouterr().err


def test_what_is_missing_is_asked_on_a_terminal(write, tmp_path, monkeypatch, terminal, capsys):
    path = write(made_up())
    answers = iter([str(path), "", "", "", "", "", str(tmp_path / "new")])
    monkeypatch.setattr("builtins.input", lambda question: next(answers))
    assert command.main([]) == 0
    assert (tmp_path / "new/config/config.yaml").exists()


def test_a_mistake_is_one_screen_and_no_traceback(write, tmp_path, capsys):
    assert command.main([str(tmp_path / "new"), str(write(made_up())), "--outcome", "scor", "--unit", "herd"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "",
        f"--outcome: {tmp_path / 'herds.csv'} has no column 'scor'. Did you mean 'score'?",
        "Columns: herd, month, region, visitor, score.",
        "",
    ]


def test_a_folder_that_cannot_be_made_is_no_traceback(write, tmp_path, capsys):
    path = write(made_up())
    assert command.main([str(path / "new"), str(path), "--outcome", "score", "--unit", "herd"]) == 1
    assert "Not a directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(13, "Permission denied", "/data/.1a2b-herds.csv"), "Nothing can be written in '/data': Perm"),
        (OSError(28, "No space left on device", "/data/herds.csv"), "Make room and run the same command again"),
        (PermissionError(13, "Permission denied", "herds.csv"), "'herds.csv' cannot be read: Permission denied"),
        (OSError("no file is named"), "no file is named"),
    ],
)
def test_errors_of_the_system_say_what_to_do(monkeypatch, capsys, error, told):
    def fails(given, *, ask_for):
        raise error

    monkeypatch.setattr(command, "_run", fails)
    assert command.main(["new", "herds.csv", "--outcome", "score", "--unit", "herd"]) == 1
    assert told in capsys.readouterr().err


def test_an_existing_study_is_refused_before_anything_is_asked(write, tmp_path, terminal, monkeypatch, capsys):
    path = str(write(made_up()))
    command.main([str(tmp_path / "new"), path, "--outcome", "score", "--unit", "herd"])
    monkeypatch.setattr("builtins.input", lambda question: pytest.fail(question))
    assert command.main([str(tmp_path / "new")]) == 1
    assert "nothing is overwritten" in capsys.readouterr().err


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit):
        command.main(["--help"])
    told = capsys.readouterr().out
    assert "examples:" in told
    assert max(map(len, told.splitlines())) <= 120
