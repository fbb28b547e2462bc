"""tea-tasting: CUPED with its one covariate a metric, every arm against the first."""

import json
import sys

import pyarrow.parquet as pq
import tea_tasting as tt

OUTCOMES = ["spend", "returned", "contacts", "refunds", "score"]

table = pq.read_table(sys.argv[1], columns=["arm", *OUTCOMES, "spend_before"])
experiment = tt.Experiment(
    {name: tt.Mean(name, "spend_before") for name in OUTCOMES}, variant="arm"
)
found = experiment.analyze(table, control="arm0", all_variants=True)
print(
    json.dumps(
        {
            f"{name} {pair[1]}": [result[name].effect_size, None]
            for pair, result in found.items()
            for name in OUTCOMES
        }
    )
)
