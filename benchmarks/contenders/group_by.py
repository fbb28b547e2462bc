"""The bare DuckDB group-by over the same columns: counts and means, no errors."""

import json
import sys

import duckdb

OUTCOMES = ["spend", "returned", "contacts", "refunds", "score"]
COVARIATES = ["spend_before", "orders_before", "tenure", "age", "prime"]

means = ", ".join(f"avg({name})" for name in [*OUTCOMES, *COVARIATES])
rows = duckdb.execute(f"SELECT arm, count(*), {means} FROM '{sys.argv[1]}' GROUP BY arm").fetchall()
arms = {row[0]: row[2:] for row in rows}
print(
    json.dumps(
        {
            f"{name} {arm}": [means[i] - arms["arm0"][i], None]
            for arm, means in arms.items()
            for i, name in enumerate(OUTCOMES)
            if arm != "arm0"
        }
    )
)
