import numpy as np
import pandas as pd
from partialpool.jobs.tables import read_table


def test_names_ids_and_levels_stay_what_they_are(tmp_path):
    table = pd.DataFrame({"label": ["007", "7", "None", "NA"], "x": [0.5, np.nan, 1.0, np.inf]})
    table.to_csv(tmp_path / "a.csv", index=False)
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.csv", ("label", "unit")), table)
