"""apologylab: Lin's adjustment with HC2 errors, every p by step-down max-t over all tests."""

import json
import sys
from typing import Any

import apologylab

OUTCOMES = ["spend", "returned", "contacts", "refunds", "score"]
COVARIATES = ["spend_before", "orders_before", "tenure", "age", "prime"]
adjust: Any = sys.argv[2]

found = apologylab.analyse(
    sys.argv[1],
    arm="arm",
    reference="arm0",
    outcomes=OUTCOMES,
    covariates=COVARIATES,
    weights={f"arm{i}": 1 for i in range(8)},
    estimators=["lin"],
    adjust=adjust,
)
print(
    json.dumps(
        {
            f"{each.outcome} {each.treatment}": [each.point, each.std_error]
            for each in found.estimates
        }
    )
)
