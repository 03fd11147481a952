import pandas as pd
from partialpool.report import published


def numbers(*verdicts):
    row = {"source": "posterior", "model": "a", "quantity": "x", "published": "-0.15", "ours": -0.1512, "mcse": 0.002}
    return pd.DataFrame([row | {"tolerance": 0.013, "verdict": verdict} for verdict in verdicts])


def test_the_text_counts_verdicts_and_tells_of_differences():
    table = numbers("reproduced", "reproduced", "reproduced", "sampler")
    text = published.explained(table, "a <book>")
    assert "The 4 numbers of a &lt;book&gt;" in text
    assert "3 <em>reproduced</em>, 1 of the <em>sampler</em>." in text
    assert "differs</strong>" not in text
    table.loc[0, "verdict"] = "differs"
    assert "<strong>1 number differs</strong> by more than that." in published.explained(table, "a book")
    table.loc[1, "verdict"] = "differs"
    assert "<strong>2 numbers differ</strong> by more than that." in published.explained(table, "a book")


def test_what_differs_comes_first_and_stands_once():
    table = numbers("reproduced", "differs", "reproduced")
    table.loc[2, "source"] = "loo"
    made = published.tables(table)
    assert made.index("Numbers that differ") < made.index("Leave-one-out cross-validation")
    assert made.count("<td>differs</td>") == 1
    assert made.count("<td>reproduced</td>") == 2
    assert "<td class=num>−0.151</td>" in made
