import pandas as pd
from partialpool.predict.summary import read_summary, text_columns


def test_levels_are_text_as_in_the_data(tmp_path):
    data = pd.DataFrame({"dose": pd.Categorical(["1", "2"]), "site": ["007", "None"], "x": [0.5, 1.0], "row": [0, 1]})
    data.to_parquet(tmp_path / "prepared.parquet")
    text = text_columns(tmp_path / "prepared.parquet")
    assert text == ["dose", "site"]
    summary = data.assign(model="null", quantity="expected", id=["01", "1"], mean=0.5).astype({"dose": str})
    summary.to_csv(tmp_path / "a.csv", index=False)
    pd.testing.assert_frame_equal(read_summary(tmp_path / "a.csv", text), summary)
