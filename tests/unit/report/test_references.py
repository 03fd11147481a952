"""Works that a study rests on, against the entries that come with the packages."""

import re
import unicodedata
from importlib.metadata import metadata
from pathlib import Path

import arviz_base
import pytest
from partialpool.report.references import WORKS, bibliography

# Where they are: in the description of a package, or in the file of references that ArviZ has of itself and of methods.
IN_DESCRIPTION = {"bambi": "bambi", "pymc": "pymc"}
IN_ARVIZ = {
    "arviz": "Martin_2026",
    "ebfmi": "Betancourt_2016",
    "loo": "Vehtari_2017",
    "psis": "Vehtari_2024",
    "r2": "Gelman_2019",
    "rhat": "Vehtari_2021",
}


def entry(text: str) -> dict[str, str]:
    """Fields of the first BibTeX entry of a text."""
    body = text[text.index("{") : re.search(r"^ *\}", text, re.MULTILINE).start()]
    fields = re.findall(r"^\s*(\w+)\s*=\s*[{\"](.*)[}\"],?\s*$", body, re.MULTILINE)
    return {name.lower(): value for name, value in fields}


def told_by_its_package(key: str) -> dict[str, str]:
    if key in IN_DESCRIPTION:
        text = metadata(IN_DESCRIPTION[key]).get_payload()
        return entry(text[text.index("@article") :])
    text = Path(arviz_base.__file__).with_name("references.bib").read_text(encoding="utf-8")
    return entry(text[re.search(rf"@\w+{{{IN_ARVIZ[key]},", text).start() :])


def plain(text: str) -> str:
    """Letters and digits of a text in lower case, without accents and TeX."""
    text = text.replace("$\\widehat{R}$", "R-hat")
    decomposed = unicodedata.normalize("NFD", re.sub(r"\\\W", "", text))
    return "".join(letter for letter in decomposed.lower() if letter.isascii() and letter.isalnum())


def surnames(authors: str) -> list[str]:
    people = re.split(r"\s+and\s+", authors.strip())
    return [plain(one.partition(",")[0] if "," in one else one.split()[-1]) for one in people]


@pytest.mark.parametrize("key", [*IN_DESCRIPTION, *IN_ARVIZ])
def test_a_work_is_that_which_its_package_names(key):
    ours, theirs = WORKS[key].fields, told_by_its_package(key)
    assert plain(ours["title"]) == plain(theirs["title"])
    assert surnames(ours["author"]) == surnames(theirs["author"])
    for field in ({"year", "volume", "doi", "eprint"} & ours.keys()) & theirs.keys():
        assert ours[field] == theirs[field], field


def test_every_work_has_what_its_kind_needs_and_is_cited_by_its_first_author():
    needed = {"article": {"journal", "volume"}, "inproceedings": {"booktitle"}, "misc": {"eprint"}}
    for key, work in WORKS.items():
        assert {"author", "title", "year", *needed[work.kind]} <= {*work.fields}, key
        assert plain(work.cited).startswith(surnames(work.fields["author"])[0]), key
        assert work.cited.endswith(work.fields["year"]), key
        authors = len(surnames(work.fields["author"]))
        assert ("et al." in work.cited) == (authors > 3), key


def test_a_bibliography_is_in_order():
    assert re.findall(r"@\w+{(\w+),", bibliography(["rhat", "bambi", "lkj"])) == ["bambi", "lkj", "rhat"]
