"""spotify-confidence: Student's t of the difference in means; it adjusts for no covariates."""

import json
import sys

import pandas as pd
import pyarrow.parquet as pq
import spotify_confidence as sc

OUTCOMES = ["spend", "returned", "contacts", "refunds", "score"]

frame = pq.read_table(sys.argv[1], columns=["arm", *OUTCOMES]).to_pandas()
parts = [
    frame.groupby("arm")[name]
    .agg(total="sum", squares=lambda x: (x**2).sum(), n="count")
    .reset_index()
    .assign(metric=name)
    for name in OUTCOMES
]
test = sc.StudentsTTest(
    pd.concat(parts),
    numerator_column="total",
    numerator_sum_squares_column="squares",
    denominator_column="n",
    categorical_group_columns="arm",
    metric_column="metric",
    treatment_column="arm",
)
found = test.multiple_difference(level="arm0", level_as_reference=True, groupby="metric")
print(
    json.dumps(
        {
            f"{row['metric']} {row['level_2']}": [row["difference"], None]
            for _, row in found.iterrows()
            if row["level_2"] != "arm0"
        }
    )
)
