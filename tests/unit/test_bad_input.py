"""Wrong input of every kind: what a person is told, before anything is sampled, in one screen; nothing half-written.

Each case goes the way of a run up to its first fit: the file of the config, the config, the data, and both together.
"""

import copy
import gzip
import io
import random
import types
import typing
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import yaml
from partialpool.audit import suits
from partialpool.data.fetch import fetch
from partialpool.data.prepare import prepare
from partialpool.errors import StudyError
from partialpool.model.priors import DISTRIBUTIONS
from partialpool.study import config, syntax
from partialpool.study.base import Strict
from partialpool.study.study import Study

FIGURE = {"title": "T", "caption": "C", "alt": "A"}
CONFIG = {
    "title": "Yield",
    "data": {
        "source": "fields.csv",
        "outcome": "y",
        "unit": "field",
        "time": "year",
        "group": "soil",
        "nouns": {"unit": ["field", "fields"]},
    },
    "models": {
        "a": {"title": "Means", "formula": "y ~ 1 + (1 | field)"},
        "b": {"title": "Growth", "formula": "y ~ 1 + year + (1 + year | field)"},
    },
    "comparisons": {"ab": {"title": "Which?", "models": ["a", "b"]}},
    "predictions": {"p": {"models": ["a", "b"], "units": "all"}, "q": {"models": ["a"], "average_unit": True}},
    "figures": {
        "trajectories": {"kind": "trajectories", **FIGURE},
        "gradient-intervals": {"kind": "gradient-intervals", "predictions": "p", **FIGURE},
        "shrinkage": {"kind": "shrinkage", "predictions": "p", **FIGURE},
        "half-eyes": {"kind": "half-eyes", "predictions": "p", "models": ["a"], **FIGURE},
        "three-poolings": {"kind": "three-poolings", "predictions": "p", "models": ["a"], **FIGURE},
        "fitted-trajectories": {"kind": "fitted-trajectories", "predictions": "p", "models": ["b"], **FIGURE},
        "grid": {"kind": "grid", "predictions": "p", "x": "year", "by": "field", **FIGURE},
        "intercepts-slopes": {"kind": "intercepts-slopes", "model": "b", **FIGURE},
    },
    "published": {"folder": "published", "source": "A book"},
    "report": {"sections": {"own": {"title": "Why?"}}},
}
DESIGN = {"model": "b", "units": [10, 20], "measurements": [2, 4]}
SIMULATE = {"seed": 1, "units": 9, "waves": 3, "intercepts": {"A": 0.2}, "slope": 0.1, "sd_intercept": 0.1}
SIMULATE |= {"sd_slope": 0.1, "cor": 0.5, "sigma": 0.1}


def rows() -> pd.DataFrame:
    """Twelve fields in four years, with columns of every kind."""
    draw = random.Random(1)
    table = [
        {
            "field": f"F{i}",
            "year": year,
            "soil": "clay" if i % 2 else "sand",
            "y": round(20 + i % 5 + draw.gauss(0, 2), 2),
            "rain": round(draw.gauss(0, 1), 3),
            "sown": draw.choice(["early", "late", "never"]),
            "ill": draw.choice(["no", "yes"]),
            "n": draw.randint(0, 9),
            "one": 1,
            "same": "x",
            "twice": 2 * year + 1,
            "plot": 100 + 4 * i + year,
        }
        for i in range(12)
        for year in range(4)
    ]
    return pd.DataFrame(table)


TEXT = rows().to_csv(index=False)
PRINTED = {"sizes.csv": b"model,observations,units,chains,draws_per_chain,warmup\na,48,12,4,1000,1000\n"}


def begin() -> None:
    """What a run does before its first fit."""
    syntax.check("config.yaml")
    values = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))
    study = config.load(values, ["config.yaml"])
    fetch(study.data.source, "results/raw.csv", sha256=study.data.sha256)
    described = study.data.roles | {"types": study.data.types, "derived": study.data.derive}
    suits.check(values, prepare("results/raw.csv", source=study.data.source, **described))


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """What is told of a study; a test fails if nothing is wrong with it, or if anything is left behind."""
    monkeypatch.chdir(tmp_path)

    def told(written: str | bytes, data: bytes = TEXT.encode(), printed: dict[str, bytes] = PRINTED) -> str:
        Path("config.yaml").write_bytes(written if isinstance(written, bytes) else written.encode())
        Path("fields.csv").write_bytes(data)
        for name, content in printed.items():
            Path("published", name).parent.mkdir(exist_ok=True)
            Path("published", name).write_bytes(content)
        with pytest.raises(StudyError) as error:
            begin()
        message = str(error.value)
        assert len(message.splitlines()) < 25
        assert len(message) < 3000
        assert "Traceback" not in message
        assert {path.name for path in tmp_path.rglob("*") if path.is_file()} <= {
            *("config.yaml", "fields.csv", "raw.csv"),
            *printed,
        }
        return message

    return told


def edited(changes: dict) -> str:
    """The config with values replaced, added or (None) dropped; keys are paths such as ``data/unit``."""
    values = copy.deepcopy(CONFIG)
    for path, value in changes.items():
        *parents, last = path.split("/")
        node = values
        for key in parents:
            node = node[key]
        if value is None:
            del node[last]
        else:
            node[last] = value
    return yaml.safe_dump(values, sort_keys=False)


# ------------------------------------------------------------------------------------- every key of the config


def keys_of(kind, place: tuple[str, ...] = ()) -> typing.Iterator[tuple[tuple[str, ...], object]]:
    """Place and type of every key below a class of the configuration."""
    for key, field in kind.model_fields.items():
        yield (*place, key), field.annotation
        node = CONFIG
        for parent in (*place, key):
            node = node.get(parent, {}) if isinstance(node, dict) else {}
        for one in classes_in(field.annotation):
            if typing.get_origin(field.annotation) is not dict:
                yield from keys_of(one, (*place, key))
            elif "kind" not in one.model_fields:
                yield from keys_of(one, (*place, key, next(iter(node), "any")))
            else:
                (name,) = typing.get_args(one.model_fields["kind"].annotation)
                yield from keys_of(one, (*place, key, name))


def classes_in(annotation) -> list[type[Strict]]:
    """Classes of the configuration that a type names."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, Strict) else []
    return [one for part in typing.get_args(annotation) for one in classes_in(part)]


KEYS = dict(keys_of(Study))


@pytest.mark.parametrize("place", KEYS, ids=".".join)
def test_every_key_refuses_what_is_of_another_type(place):
    is_mapping = typing.get_origin(KEYS[place]) is dict or classes_in(KEYS[place])
    values = copy.deepcopy(CONFIG)
    if place[:2] == ("data", "simulate"):
        values["data"] |= {"source": None, "simulate": dict(SIMULATE)}
    node = values
    for key in place[:-1]:
        node = node.setdefault(key, {})
    node[place[-1]] = 7.5 if is_mapping else {"of": {"another": "type"}}
    with pytest.raises(StudyError) as error:
        config.load(values)
    lines = [line.strip() for line in str(error.value).splitlines()[1:-1]]
    assert any(line.startswith((f"{'.'.join(place)}", f"{'.'.join(place[:-1])}: ")) for line in lines), lines
    assert len(str(error.value)) < 3000


# ------------------------------------------------------------------------------------- priors


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_prior_refuses_numbers_that_it_cannot_have(name):
    n = len(DISTRIBUTIONS[name])
    key = "cor" if name == "LKJ" else "sigma" if name.startswith("Half") else "b"
    wrong = {
        f"{name}()": "lacks",
        f"{name}({', '.join(['1'] * (n + 1))})": "has too many numbers",
        f"{name}({', '.join(['-1'] * n)})": "must be",
        f"{name}({', '.join(['x'] * n)})": "only numbers may stand",
        f"{name}({', '.join(['1e999'] * n)})": "only numbers may stand",
        f"{name}(nonsense=1)": "'nonsense' is unknown or given twice",
        f"{name}": "is no prior",
        f"{name.lower()}x(1, 2)": "there is no distribution",
    }
    for text, words in wrong.items():
        with pytest.raises(StudyError) as error:
            config.load(yaml.safe_load(edited({"models/b/priors": {key: text}})))
        assert words in str(error.value), text
        assert "models.b.priors: " in str(error.value)


# ------------------------------------------------------------------------------------- values, formulas, families

MODEL = "models/b/"
B = MODEL + "formula"
# By name of the case: what is changed, and what is told.
OF_CONFIG = {
    "title missing": ({"title": None}, "title: this key is missing"),
    "no models": ({"models": {}}, "models: Dictionary should have at least 1 item"),
    "key misspelt": ({"data/outcom": "y"}, "data: unknown key 'outcom'. Did you mean 'outcome'?"),
    "unit missing": ({"data/unit": None}, "data.unit: this key is missing"),
    "two roles": ({"data/time": "y"}, "column 'y' has two roles"),
    "ftp": ({"data/source": "ftp://x/y.csv"}, "'source' takes an http(s) URL or a path"),
    "checksum short": ({"data/sha256": "abc"}, "data.sha256: 64 digits and small letters a to f belong here"),
    "checksum wrong": ({"data/sha256": "0" * 64}, "fields.csv does not have the checksum that the config pins"),
    "source not there": ({"data/source": "nowhere.csv"}, "Cannot copy nowhere.csv: No such file"),
    "source a device": ({"data/source": "/dev/zero"}, "Cannot copy /dev/zero: It is a device or a pipe, and no file"),
    "source of a long name": ({"data/source": "ab" * 3000}, "File name too long"),
    "source with braces": ({"data/source": "my {data}.csv"}, "'my {data}.csv' has braces, which Snakemake takes for"),
    "rows with braces": (
        {"predictions/q": {"models": ["b"], "average_unit": True, "rows": "{new}.csv"}},
        "predictions.q.rows: '{new}.csv' has braces",
    ),
    "source a folder": ({"data/source": "."}, "Cannot copy .: Is a directory"),
    "simulate besides": ({"data/simulate": SIMULATE}, "give either 'source' (a URL or a path) or 'simulate'"),
    "type unknown": ({"data/types": {"n": "factor"}}, "takes number, category, or a list of levels"),
    "type of nothing": (
        {"data/types": {"m": "category"}},
        "data.types: fields.csv has no column 'm'.\nColumns: field, year,",
    ),
    "level not listed": ({"data/types": {"sown": ["early", "late"]}}, "'never' is not among the levels of data.types"),
    "level not used": ({"data/types": {"sown": ["early", "late", "never", "later"]}}, "no row has the level 'later'"),
    "text as number": ({"data/types": {"sown": "number"}}, "is not a number (missing values are NA or empty)"),
    "derive calls": ({"data/derive": {"z": "open(y)"}}, "data.derive.z: "),
    "derive divides": ({"data/derive": {"z": "y / (year - year)"}}, "data.derive.z: y / (year - year) is not finite"),
    "derive of nothing": ({"data/derive": {"z": "log(x)"}}, "data.derive.z: "),
    "label of nothing": ({"data/labels": {"yy": "Y"}}, "data.labels.yy: there is no such column. Did you mean 'y'?"),
    "nouns of one": ({"data/nouns": {"unit": ["field"]}}, "takes a noun and its plural"),
    "outcome of text": (
        {
            "data/outcome": "sown",
            "models": {"a": CONFIG["models"]["a"]},
            "comparisons": {},
            "predictions": {},
            "figures": {},
        },
        "its values are no numbers",
    ),
    "outcome not there": (
        {"data/outcome": "yy", "comparisons": {}},
        "data.outcome: fields.csv has no column 'yy'. Did you mean 'y'?",
    ),
    "unit not there": ({"data/unit": "fild"}, "data.unit: fields.csv has no column 'fild'. Did you mean 'field'?"),
    "group changes": ({"data/group": "sown"}, "but unit F0 is"),
    "time of text": ({"data/time": "ill"}, "column ill: "),
    "one row a unit": (
        {
            "data/unit": "plot",
            "models": {"a": {"title": "A", "formula": "y ~ 1 + (1 | plot)"}},
            "comparisons": {},
            "predictions": {},
            "figures": {},
        },
        "no unit has 2 values of y; is this the column of the units",
    ),
    "chains one": ({"sampling": {"chains": 1}}, "sampling.chains: Input should be greater than or equal to 2"),
    "chains too many": ({"sampling": {"chains": 10**9}}, "sampling.chains: Input should be less than or equal to 100"),
    "draws none": ({MODEL + "draws": 0}, "models.b.draws: Input should be greater than or equal to 4"),
    "draws half": ({MODEL + "draws": 10.5}, "models.b.draws: a whole number belongs here, not 10.5"),
    "warmup negative": ({"sampling": {"warmup": -1}}, "sampling.warmup: Input should be greater than or equal to 1"),
    "seed negative": ({"sampling": {"seed": -1}}, "sampling.seed: Input should be greater than or equal to 0"),
    "seed of 2^70": ({"sampling": {"seed": 2**70}}, "sampling.seed: Input should be less than 4294967296"),
    "target above one": ({"sampling": {"target_accept": 1.2}}, "sampling.target_accept: Input should be less than 1"),
    "engine unknown": ({MODEL + "engine": "stan"}, "models.b.engine: Input should be 'auto', 'marginal' or 'nuts'"),
    "sampler unknown": ({"sampling": {"sampler": "stan"}}, "sampling.sampler: Input should be 'nutpie' or 'pymc'"),
    "threshold not a number": ({"checks": {"rhat": float("nan")}}, "checks.rhat: Input should be"),
    "threshold infinite": ({"checks": {"pareto_k": float("inf")}}, "checks.pareto_k: Input should be a finite number"),
    "threshold too small": ({"checks": {"rhat": 0.5}}, "checks.rhat: Input should be greater than 1"),
    "names in capitals": ({"models/A": CONFIG["models"]["a"]}, "models.A: 'a' differs in capitals only"),
    "name of a path": ({"models": {"../x": CONFIG["models"]["a"]}}, "models.../x: a name becomes the name of files"),
    "name of 260 letters": (
        {"models": {"ab" * 130: CONFIG["models"]["a"]}},
        "String should have at most 100 characters",
    ),
    "name that repeats": ({"models": {"a" * 40: CONFIG["models"]["a"]}}, "repeats itself"),
    "file of another": (
        {"comparisons/ab.units": CONFIG["comparisons"]["ab"]},
        "its file would be one of the comparison 'ab'",
    ),
    "compared with itself": ({"comparisons/ab/models": ["a", "a"]}, "model 'a' stands twice"),
    "compared alone": ({"comparisons/ab/models": ["a"]}, "List should have at least 2 items"),
    "compared with nobody": ({"comparisons/ab/models": ["a", "c"]}, "there is no model 'c'"),
    "left sides differ": ({B: "log(y) ~ 1 + year + (1 + year | field)"}, "the left sides of the formulas differ"),
    "another outcome": (
        {"models/a/formula": "rain ~ 1", B: "rain ~ 1 + year + (1 + year | field)"},
        "the models are of 'rain', which is neither",
    ),
    "estimand unknown": ({"comparisons/ab/estimands": ["row"]}, "Input should be 'observation' or 'unit'"),
    "evidence of none": (
        {"comparisons/ab/bayes_factors": True, MODEL + "engine": "nuts"},
        "which Bayes factors take: ",
    ),
    "units nobody": ({"predictions/p/units": ["F0", "F99"]}, "predictions.p: F99: not among the 12 units"),
    "units too many": ({"predictions/p/units": 13}, "13 units are asked for"),
    "units twice": ({"predictions/p/units": ["F0", "F0"]}, "a unit stands twice in 'units'"),
    "units and new": ({"predictions/p/new_units": 3}, "give one of 'units'"),
    "new units too many": ({"predictions/q": {"models": ["a"], "new_units": 10**9}}, "less than or equal to 1000000"),
    "at nothing": ({"predictions/p/at": {"rain": [1]}}, "predictions.p.at.rain: model 'a' does not use it"),
    "at no values": (
        {"predictions/p": {"models": ["b"], "units": "all", "at": {"year": []}}},
        "'at': year has no values",
    ),
    "at text": (
        {"predictions/p/models": ["b"], "figures": {}, "predictions/p/at": {"year": ["soon"]}},
        "year takes numbers, not 'soon'",
    ),
    "at infinity": (
        {"predictions/p/models": ["b"], "figures": {}, "predictions/p/at": {"year": [float("inf")]}},
        "year takes finite numbers",
    ),
    "contrast of one": (
        {"predictions/q": {"models": ["b"], "average_unit": True, "contrast": {"year": [1]}}},
        "'contrast' takes one covariate and two values",
    ),
    "rope upside down": (
        {"predictions/q": {"models": ["b"], "average_unit": True, "slope": "year", "rope": [1, 0]}},
        "'rope' takes two numbers, the smaller first",
    ),
    "by itself": (
        {"predictions/q": {"models": ["b"], "average_unit": True, "slope": "year", "by": "year"}},
        "'by' cannot be 'year'",
    ),
    "rows not there": (
        {"predictions/q": {"models": ["b"], "average_unit": True, "rows": "new.csv"}},
        "'rows': there is no file 'new.csv'",
    ),
    "figure unknown": ({"figures/grid/kind": "pie"}, "there is no kind 'pie'"),
    "figure of two": ({"figures/half-eyes/models": ["a", "b"]}, "'half-eyes' shows 1 model, not 2"),
    "figure of nobody": ({"figures/trajectories/units": ["F99"]}, "figures.trajectories: F99: not among the 12 units"),
    "figure without time": (
        {"data/time": None, "figures": {"t": CONFIG["figures"]["trajectories"]}},
        "'trajectories' needs 'data.time'",
    ),
    "axis of nothing": ({"figures/grid/x": "nothing"}, "figures.grid: 'x': the predictions have no column 'nothing'"),
    "axis of no name": ({"figures/grid/x": ""}, "figures.grid: 'x': the predictions have no column ''"),
    "axis of the outcome": ({"figures/grid/x": "y"}, "figures.grid: 'x': the predictions have no column 'y'"),
    "colours of nothing": ({"figures/grid/by": "rain"}, "figures.grid: 'by': the predictions have no column 'rain'"),
    "several values at one time": (
        {"figures/grid/by": None},
        "figures.grid: The predictions have several values at one year: name what tells them apart as 'by'",
    ),
    "units that are not predicted": (
        {"figures/half-eyes/units": ["F99"]},
        "figures.half-eyes: F99: not among the 12 units of predictions.p",
    ),
    "more units than predicted": ({"figures/half-eyes/units": 13}, "figures.half-eyes: 13 units are asked for"),
    "more units than measured": ({"figures/trajectories/units": 13}, "figures.trajectories: 13 units are asked for"),
    "unit shown twice": ({"figures/trajectories/units": ["F0", "F0"]}, "a unit stands twice in 'units'"),
    "model shown twice": ({"figures/shrinkage/models": ["a", "a"]}, "figures.shrinkage.models: a model stands twice"),
    "slopes of none": (
        {"figures/intercepts-slopes/model": "a"},
        "shows a model with year + (1 + year | field), and not",
    ),
    "trajectories of none": (
        {"figures/fitted-trajectories/models": ["a"]},
        "figures.fitted-trajectories: the model shown does not use 'year'",
    ),
    "replicates without end": (
        {"calibration": {"replicates": 10**12}},
        "calibration.replicates: Input should be less than or equal to 100000",
    ),
    "design of no parameter": (
        {"design": DESIGN | {"truth": {"yaer": 1}}},
        "  design.truth: there is no parameter 'yaer'. Did you mean 'year'? Valid: Intercept, year, sd(Intercept),",
    ),
    "design of no difference": ({"design": DESIGN | {"parameters": ["year - rain"]}}, "there is no parameter 'rain'"),
    "design of a goal of nothing": (
        {"design": DESIGN | {"goals": {"g": {"parameter": "sd(rain)", "width": 1}}}},
        "there is no parameter 'sd(rain)'. Did you mean 'sd(year)'?",
    ),
    "design of the impossible": (
        {"design": DESIGN | {"truth": {"sigma": -1}}},
        "  design.truth: 'sigma' is -1, and it must be a number over 0",
    ),
    "design by NUTS": (
        {"design": DESIGN, MODEL + "priors": {"b": "StudentT(3, 0, 1)"}},
        "  design: model 'b' would be fitted thousands of times, which takes the marginal engine, and that cannot fit "
        "it. Why: the prior of year is StudentT, and only Normal can be integrated.",
    ),
    "substitution": ({"published/rename": {"(": "x"}}, "is no substitution"),
    "section unknown": ({"report/order": ["modells"]}, "there is no section 'modells'. Did you mean 'models'?"),
    "section without title": (
        {"report/sections": {"own": {"text": "x"}}},
        "report.sections.own.title: this key is missing",
    ),
    "truth for a number": ({"sampling": {"warmup": True}}, "sampling.warmup: takes numbers, not true."),
    "truth for a seed": ({"sampling": {"seed": True}}, "sampling.seed: takes numbers, not true."),
    "truth for new units": (
        {"predictions/q": {"models": ["a"], "new_units": True}},
        "predictions.q.new_units: takes numbers, not true.",
    ),
    "truth among numbers": (
        {"predictions/q": {"models": ["b"], "average_unit": True, "slope": "year", "rope": [False, True]}},
        "predictions.q.rope: takes numbers, not [false, true].",
    ),
    "truth for a parameter": (
        {MODEL + "truth": {"sigma": True}},
        'models.b.truth: takes numbers, not {"sigma": true}.',
    ),
    "no units": ({"predictions/p/units": []}, "takes 'all', a number of units, or a list of ids, not []"),
    "slope of no name": (
        {"predictions/q": {"models": ["b"], "average_unit": True, "slope": ""}},
        "predictions.q.slope: text belongs here, and nothing stands here.",
    ),
    "at more than a number holds": (
        {"predictions/q": {"models": ["b"], "average_unit": True, "at": {"year": [10**400]}}},
        "'at': year takes finite numbers or levels, not 1000",
    ),
    "contrast with itself": (
        {"predictions/q": {"models": ["b"], "average_unit": True, "contrast": {"year": [1, 1.0]}}},
        "'contrast' takes one covariate and two values",
    ),
    # Formulas.
    "no tilde": ({B: "y"}, "'y' is no formula; write outcome ~ terms"),
    "not closed": ({B: "y ~ (1 | field"}, "is not complete: ')' is missing at its end"),
    "bar without brackets": ({B: "y ~ 1 | field"}, "Write it in parentheses: (1 + x | unit)"),
    "two bars": ({B: "y ~ (1 + year || field)"}, "'||' is not understood"),
    "rest not read": ({B: "y ~ 1x + (1 | field)"}, "an operator (+, :, *) is expected here"),
    "power": ({B: "y ~ year**2 + (1 | field)"}, "Write I(year**2) for it"),
    "caret": ({B: "y ~ year^2 + (1 | field)"}, "Write ** for a power"),
    "itself": ({B: "y ~ y + (1 | field)"}, "the outcome 'y' stands on the right side too"),
    "number of the row": ({B: "y ~ row + (1 | field)"}, "there is no column 'row'"),
    "program": (
        {B: 'y ~ pd.io.common.os.system("touch x")'},
        "calls 'pd.io.common.os.system', which a formula may not",
    ),
    "file written": ({B: 'y ~ np.savetxt("x", year)'}, "calls 'np.savetxt', which a formula may not"),
    "spline of brms": ({B: "y ~ s(year) + (1 | field)"}, "calls 's', which a formula may not. Write bs(x, df)"),
    "truncated": ({B: "truncated(y, 5) ~ year"}, "calls 'truncated', which a formula may not"),
    "weights": ({B: "weighted(y, n) ~ year"}, "calls 'weighted', which a formula may not"),
    "two outcomes": (
        {B: "c(y, n) ~ year"},
        "calls 'c', which a formula may not. Write p(successes, trials) for successes and trials",
    ),
    "factor of R": ({B: "y ~ factor(sown)"}, "Write C(x), or name the column in data.types"),
    "column not there": (
        {B: "y ~ yaer + (1 + yaer | field)", "comparisons": {}, "figures": {}, "predictions": {}},
        "there is no column 'yaer'. Did you mean 'year'?",
    ),
    "log of negative": (
        {B: "y ~ np.log(rain) + (1 | field)", "figures": {}, "predictions": {}},
        "'np.log(rain)' is not a finite number in",
    ),
    "constant": ({B: "y ~ one + (1 | field)", "figures": {}, "predictions": {}}, "'one' is 1 in all rows"),
    "one category": ({B: "y ~ same + (1 | field)", "figures": {}, "predictions": {}}, "has only 1"),
    "collinear": (
        {B: "y ~ year + twice + (1 | field)", "figures": {}, "predictions": {}},
        "'twice' says nothing beyond 'Intercept', 'year'",
    ),
    "more coefficients than rows": (
        {B: "y ~ C(plot) + rain + (1 | field)", "figures": {}, "predictions": {}},
        "there are 49 common coefficients and only 48 rows",
    ),
    "grouping of one level": ({B: "y ~ 1 + (1 | same)", "figures": {}, "predictions": {}}, "'same' has only 1 level"),
    "grouping of rows": (
        {B: "y ~ 1 + (1 | plot)", "figures": {}, "predictions": {}},
        "'plot' has a level of its own in each of 48 rows",
    ),
    "by nothing": (
        {"predictions/q": {"models": ["a"], "units": "all", "by": "rain"}},
        "predictions.q: 'by' names 'rain', and these points have field only",
    ),
    "column that results have": (
        {B: "y ~ chain + (1 | field)"},
        "results have the name 'chain' for something else",
    ),
    "covariate that predictions have": (
        {B: "y ~ mean + (1 | field)", "data/derive": {"mean": "rain * 2"}, "figures": {}},
        "predictions.p: the model has a column 'mean', and tables of predictions have one of their own. Rename it",
    ),
    "column like a parameter": (
        {B: "y ~ sigma + (1 | field)", "data/derive": {"sigma": "rain * 2"}, "figures": {}, "predictions": {}},
        "'sigma' is also the name of a parameter of the family 'gaussian'. Rename the column.",
    ),
    "division in a formula": (
        {B: "y ~ I(rain / 2) + (1 | field)", "figures": {}, "predictions": {}},
        "PyMC has no names with a slash",
    ),
    "term twice": (
        {B: "y ~ 1 + (1 | field) + (1 + rain | field)", "figures": {}, "predictions": {}},
        "'1|field' stands in two terms",
    ),
    # Families.
    "family unknown": ({MODEL + "family": "student"}, "there is no family 'student'. Write 't'"),
    "link unknown": ({MODEL + "link": "lgo"}, "the family 'gaussian' has no link 'lgo'. Did you mean 'log'?"),
    "link of another": (
        {MODEL + "family": "poisson", MODEL + "link": "logit"},
        "the family 'poisson' has no link 'logit'",
    ),
    "poisson of 20.5": ({MODEL + "family": "poisson"}, "the family 'poisson' takes whole numbers from 0"),
    "bernoulli of 20.5": ({MODEL + "family": "bernoulli"}, "the family 'bernoulli' takes 0 and 1, or two levels"),
    "beta of 20.5": ({MODEL + "family": "beta"}, "the family 'beta' takes numbers over 0 and under 1"),
    "gamma of negative": (
        {
            "data/outcome": "rain",
            "models/a/formula": "rain ~ 1 + (1 | field)",
            B: "rain ~ 1 + year + (1 + year | field)",
            MODEL + "family": "gamma",
        },
        "the family 'gamma' takes numbers over 0",
    ),
    "gaussian of levels": (
        {
            "data/outcome": "ill",
            "models/a/formula": "ill ~ 1 + (1 | field)",
            B: "ill ~ 1 + year + (1 + year | field)",
            "figures": {},
        },
        "the outcome 'ill' has the levels no, yes, and the family 'gaussian' takes",
    ),
    "engine without": (
        {MODEL + "family": "t", MODEL + "group_effects": "all"},
        "models.b.group_effects: Input should be 'auto', 'draws' or 'summary'",
    ),
    # Priors.
    "prior of no class": (
        {MODEL + "priors": {"bb": "Normal(0, 1)"}},
        "the model has no parameters of class 'bb'. Did you mean 'b'?",
    ),
    "prior not closed": (
        {MODEL + "priors": {"sd[year": "Exponential(1)"}},
        "no parameters of class 'sd[year'. Did you mean 'sd[x]'?",
    ),
    "prior of no column": (
        {MODEL + "priors": {"b[yaer]": "Normal(0, 1)"}},
        "'b[yaer]' names 'yaer', which is not in the formula. Did you mean 'year'?",
    ),
    "prior of nothing": (
        {MODEL + "priors": {"b[year:rain]": "Normal(0, 1)"}, B: "y ~ year + rain + (1 + year | field)"},
        "has no parameter for the prior of b[year:rain]. Its classes: Intercept, b[rain], b[year], cor,",
    ),
    "prior that the engine cannot have": (
        {MODEL + "priors": {"b": "StudentT(3, 0, 1)"}, MODEL + "engine": "marginal"},
        "the prior of year is StudentT, and only Normal can be integrated. Write 'engine: auto'",
    ),
    "prior of a scale": ({MODEL + "priors": {"sigma": "Normal(0, 1)"}}, "a scale cannot be negative"),
    "prior of a correlation": ({MODEL + "priors": {"cor": "Normal(0, 1)"}}, "LKJ(eta) is the prior of a correlation"),
    "prior that runs": (
        {MODEL + "priors": {"b": "Normal(0, __import__('os').getpid())"}},
        "only numbers may stand inside the parentheses",
    ),
    "prior of 200 000 signs": ({MODEL + "priors": {"b": f"Normal({'-' * 200_000}1, 1)"}}, "is no prior"),
}


@pytest.mark.parametrize("case", OF_CONFIG)
def test_a_wrong_config(refused, case):
    changes, words = OF_CONFIG[case]
    assert words in refused(edited(changes))


# ------------------------------------------------------------------------------------- the file of the config

OF_FILE = {
    "empty": ("", "the file is empty"),
    "a list": ("- title: x\n", "has a list where its keys should stand"),
    "text": ("hello\n", "has text where its keys should stand"),
    "tab": ("title: x\n\tdata: y\n", "line 2, column 1: YAML does not allow a tab here"),
    "bracket": (
        "title: x\nmodels: [a, b\ndata: y\n",
        "line 2, column 9: the bracket '[' that opens here is not closed",
    ),
    "question": ("a: {title: Why?, models: x}\n", 'a: {title: "Why?", models: x}'),
    "colon": ("title: Fields: a study\n", 'title: "Fields: a study"'),
    "key twice": (edited({}) + "title: again\n", "the key 'title' stands twice; first in line 1"),
    "anchor twice": (
        edited({}) + "recovery: &a {replicates: 5}\ncalibration: &a {replicates: 5}\n",
        "the anchor '&a' stands twice; first in line",
    ),
    "latin-1": ("title: Äcker\n".encode("latin-1"), "is not UTF-8, as it should be"),
    "utf-16": ("title: Äcker\n".encode("utf-16"), "is not UTF-8, as it should be"),
    "runs python": (edited({}) + "__use_yte__: true\n", "with '__use_yte__' a configuration would run Python"),
    "tag that runs": (edited({}) + "text: !!python/object/apply:os.getpid []\n", "YAML"),
    "deep": (f"title: {'[' * 1000}{']' * 1000}\n", "more than 40 deep"),
    "grows": (
        "a: &a [x, x, x]\nb: &b [*a, *a, *a]\n"
        + "".join(f"c{i}: &{chr(99 + i)} [{', '.join([f'*{chr(98 + i)}'] * 9)}]\n" for i in range(8)),
        "more than 100,000 keys and values",
    ),
    "zeros of an id": (edited({}).replace("units: all", "units: [007]"), "YAML reads 007 as 7 (config.yaml, line"),
    "names that are one number": (
        edited({}).replace("  b:\n", "  1.1:\n", 1).replace("  a:\n", "  1.10:\n", 1),
        "models.1.10: YAML reads 1.10 as 1.1 (config.yaml, line",
    ),
    "names that are true": (
        edited({}).replace("  b:\n", "  yes:\n", 1).replace("  a:\n", "  on:\n", 1),
        "models.on: YAML reads on as True",
    ),
    "name that is a date": (
        edited({}).replace("  a:\n", "  2024-01-01 10:00:00:\n", 1),
        "models.2024-01-01 10:00:00: a name becomes the name of files",
    ),
    "octal": (edited({}) + "sampling: {draws: 0100}\n", "sampling.draws: YAML reads 0100 as 64"),
    "minutes": (edited({}) + "sampling: {seed: 1:30}\n", "sampling.seed: YAML reads 1:30 as 90"),
    "tag of another kind": (edited({}) + "sampling: {draws: !!int many}\n", "column 19: "),
    "tag of a truth": (edited({}) + "report: !!bool perhaps\n", "YAML"),
    "tag of a time": (edited({}) + "text: !!timestamp soon\n", "YAML"),
    "5000 digits": (edited({}) + f"sampling: {{draws: {'9' * 5000}}}\n", "column 19: "),
    "character without sign": (edited({}) + 'text: "a\\0b"\n', "column 7: this text has the character U+0000"),
    "half a character": (edited({}) + 'text: "\\uD800"\n', "this text has the character U+D800"),
    "no that is false": (
        edited({"data/types": {"ill": ["no", "yes"]}}).replace("'no'", "no").replace("'yes'", "yes"),
        "YAML reads no as False",
    ),
}


@pytest.mark.parametrize("case", OF_FILE)
def test_a_wrong_file_of_the_config(refused, case):
    text, words = OF_FILE[case]
    assert words in refused(text)


# ------------------------------------------------------------------------------------- files of data


def zipped(text: str) -> bytes:
    with zipfile.ZipFile(content := io.BytesIO(), "w") as file:
        file.writestr("fields.csv", text)
    return content.getvalue()


def as_file(write) -> bytes:
    write(content := io.BytesIO())
    return content.getvalue()


def with_formula() -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(WORKBOOK))
    book.active["E3"] = "=1+1"
    return as_file(book.save)


LINES = TEXT.splitlines()
PARQUET, WORKBOOK = as_file(rows().to_parquet), as_file(lambda file: rows().to_excel(file, index=False))
OF_DATA = {
    "empty": (b"", "fields.csv is empty (0 bytes)"),
    "header only": (LINES[0].encode(), "has the names of 12 columns but no data"),
    "blank line": (TEXT.replace("\n", "\n\n", 3).encode(), "fields.csv, line 2: the line is empty"),
    "value missing": (
        TEXT.replace(",sand,", ",", 1).encode(),
        "fields.csv, line 2: 11 values, but the header has 12 columns",
    ),
    "value too much": (
        TEXT.replace("\nF0", "\nF0,", 1).encode(),
        "fields.csv, line 2: 13 values, but the header has 12",
    ),
    "quote open": (TEXT.replace("sand", '"sand', 1).encode(), "fields.csv, line 2: "),
    "column twice": (TEXT.replace("rain", "y", 1).encode(), "columns 4 and 5 are both called 'y'"),
    "column without name": (TEXT.replace("rain", "", 1).encode(), "column 5 has no name"),
    "column called row": (TEXT.replace("rain", "row", 1).encode(), "column 5 is called 'row'"),
    "one column": ("\n".join(line.replace(",", "|") for line in LINES).encode(), "there is only one column"),
    "instruction to excel": (b"sep=|\n" + TEXT.encode(), "line 1: 'sep=|' names a separator that is no comma"),
    "web page": (b"<!DOCTYPE html><html><body>404</body></html>", "fields.csv is not data but a web page"),
    "latin-1": (TEXT.replace("sand", "Löß").encode("latin-1"), "cp1252 or cp1250 or cp1254  Löß"),
    "utf-16": (TEXT.encode("utf-16"), "fields.csv is UTF-16 (Excel calls it Unicode text)"),
    "zip": (zipped(TEXT), "fields.csv is a zip and no Excel workbook"),
    "gzip cut": (gzip.compress(TEXT.encode())[:-20], "is damaged or cut short: it cannot be unpacked by gzip"),
    "bzip2": (b"BZh91AY&SY", "fields.csv is packed by bzip2: unpack it"),
    "old excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "fields.csv is an old Excel file (.xls)"),
    "pdf": (b"%PDF-1.7", "fields.csv is a PDF"),
    "R": (b"RDX3\n", "fields.csv is an R data file"),
    "parquet cut": (PARQUET[: len(PARQUET) // 2], "fields.csv cannot be read as a Parquet file"),
    "excel cut": (WORKBOOK[: len(WORKBOOK) // 2], "fields.csv cannot be read as an Excel workbook"),
    "formula that nobody computed": (
        with_formula(),
        "fields.csv, sheet 'Sheet1', row 3, column rain: the formula has not been computed yet",
    ),
    "SPSS cut": (b"$FL2@(#) SPSS DATA FILE", "fields.csv cannot be read as a file of SPSS"),
    "Stata cut": (b"<stata_dta><header>", "fields.csv cannot be read as a file of Stata"),
    "bytes": (bytes(range(256)) * 4, "fields.csv, line 2: byte 0x80"),
    "control characters": (
        TEXT.replace("sand", "\x1b[2Jsand", 1).encode(),
        "'sand', but unit F0 is '\N{REPLACEMENT CHARACTER}[2Jsand' before",
    ),
    "decimal comma": (TEXT.replace(LINES[1].split(",")[3], '"20,5"', 1).encode(), "'20,5' has a comma: write 20.5"),
    "word for a number": (
        TEXT.replace(LINES[1].split(",")[3], "twenty", 1).encode(),
        "column y: 'twenty' is not a number",
    ),
    "infinite": (TEXT.replace(LINES[1].split(",")[3], "inf", 1).encode(), "column y: 'inf' is not finite"),
    "id with a character without sign": (
        TEXT.replace("F0", "F0\0").encode(),
        "line 2, column field: 'F0\N{REPLACEMENT CHARACTER}' has the character U+0000",
    ),
    "bytes of no text": (
        as_file(rows().assign(field=[b"\xff%d" % (i // 4) for i in range(48)]).to_parquet),
        "fields.csv: column field has bytes that are no text (UTF-8)",
    ),
    "times between": (
        as_file(rows().assign(rain=pd.to_timedelta(range(48), unit="h")).to_parquet),
        "column rain is of the type duration[us]. Write it as a number",
    ),
    "months of pandas": (
        as_file(rows().assign(rain=pd.period_range("2024-01", periods=48, freq="M")).to_parquet),
        "fields.csv: column rain is of the type extension<pandas.period",
    ),
    "unit of measurement": (
        TEXT.replace(LINES[1].split(",")[3], "20 kg", 1).encode(),
        "is a number with text: write 20",
    ),
    "id missing": (TEXT.replace("\nF0,", "\n,", 1).encode(), "line 2, column field: is missing"),
    "one unit": ("\n".join(LINES[:5]).encode(), "fewer than 2 units have a value of y"),
    "outcome constant": (rows().assign(y=1).to_csv(index=False).encode(), "column y: fewer than 2 different values"),
    "outcome missing": (
        rows().assign(y=None).to_csv(index=False).encode(),
        "column field: fewer than 2 units have a value",
    ),
    # Stacks before: squares of these are infinite.
    "outcome too large": (
        rows().assign(y=[1e200 * (1 + i % 7) for i in range(48)]).to_csv(index=False).encode(),
        "'y' is beyond 1e+75, and too large to compute with, in 48 of 48 rows (line 2: 1e+200, where y is 1e+200; ",
    ),
    "time too large": (
        rows().assign(year=[(0, 1e308, 5e307, -1e308)[i % 4] for i in range(48)]).to_csv(index=False).encode(),
        "'year' is beyond 1e+75, and too large to compute with, in 36 of 48 rows (line 3: 1e+308, ",
    ),
    "two separators": (TEXT.replace(",", ";", 5).encode(), "fields.csv, line "),
}


@pytest.mark.parametrize("case", OF_DATA)
def test_wrong_data(refused, case):
    data, words = OF_DATA[case]
    assert words in refused(edited({}), data)


@pytest.mark.parametrize("cell", ["-", "n/a", "20 kg", "1,5", "inf"])
def test_one_wrong_value_makes_no_category_of_a_number(refused, cell):
    data = rows().astype({"rain": "object"})
    data.loc[3, "rain"] = cell
    written = edited({B: "y ~ rain + (1 | field)", "figures": {}, "predictions": {}})
    told = refused(written, data.to_csv(index=False).encode())
    assert f"models.b: column 'rain' has numbers, and in 1 of 48 rows something else ('{cell}')" in told


SIZES = PRINTED["sizes.csv"]
OF_PRINTED = {
    "no table": ({}, "published.folder: the folder 'published' has none of sizes.csv, precis.csv"),
    "table of another name": ({"size.csv": SIZES}, "'published' has none of sizes.csv"),
    "empty": ({"sizes.csv": b""}, "'published/sizes.csv' cannot be read as CSV in UTF-8: No columns to parse"),
    "latin-1": (
        {"sizes.csv": SIZES.replace(b"a", "ä".encode("latin-1"))},
        "'published/sizes.csv' cannot be read as CSV",
    ),
    "value too much": (
        {"sizes.csv": SIZES.replace(b"48", b"4,8")},
        "cannot be read as CSV in UTF-8: Error tokenizing data",
    ),
    "value missing": ({"sizes.csv": SIZES.replace(b"48,12", b"48")}, "line 2: warmup is '', and no number"),
    "column missing": ({"sizes.csv": SIZES.replace(b",units", b"")}, "'published/sizes.csv' "),
    "column twice": ({"sizes.csv": SIZES.replace(b"units", b"chains")}, "it has model,observations,chains,chains"),
    "semicolons": ({"sizes.csv": SIZES.replace(b",", b";")}, "'published/sizes.csv' needs the columns model,obs"),
    "NA": (
        {"sizes.csv": SIZES.replace(b"48", b"NA")},
        "'published/sizes.csv', line 2: observations is 'NA', and no number",
    ),
    "infinite": ({"sizes.csv": SIZES.replace(b"48", b"inf")}, "line 2: observations is 'inf', and no number"),
    "blank line": ({"sizes.csv": SIZES.replace(b"\na", b"\n\na")}, "'published/sizes.csv', line 2: "),
    "model that is none": (
        {"sizes.csv": SIZES.replace(b"\na", b"\nc")},
        "line 2: there is no model 'c'. Valid: a, b.",
    ),
}


@pytest.mark.parametrize("case", OF_PRINTED)
def test_wrong_printed_tables(refused, case):
    printed, words = OF_PRINTED[case]
    assert words in refused(edited({}), printed=printed)


def test_what_is_right_is_taken(refused):
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        refused(edited({}))


@pytest.mark.parametrize(
    "spelling", ["1,{:03d}", "{} %", "$ {}.50", "\N{MINUS SIGN}{}", "2024-03-01 10:{:02d}", "1\N{NO-BREAK SPACE}{:03d}"]
)
def test_numbers_that_are_spelt_with_marks_make_no_category(refused, spelling):
    data = rows().assign(rain=[spelling.format(i) for i in range(48)])
    formula, data = {B: "y ~ rain + (1 | field)", "figures": {}, "predictions": {}}, data.to_csv(index=False).encode()
    told = refused(edited(formula), data)
    assert f"models.b: column 'rain' has 48 different values such as '{spelling.format(0)}'" in told
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        refused(edited(formula | {"data/types": {"rain": "category"}}), data)
