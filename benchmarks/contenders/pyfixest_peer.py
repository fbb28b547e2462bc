"""pyfixest: the fully interacted regression with HC2 errors, of as many outcomes as are named."""

import json
import sys

import pyarrow.parquet as pq
import pyfixest as pf

COVARIATES = ["spend_before", "orders_before", "tenure", "age", "prime"]
outcomes = sys.argv[2:]

frame = pq.read_table(sys.argv[1], columns=["arm", *outcomes, *COVARIATES]).to_pandas()
for name in COVARIATES:
    frame[name] -= frame[name].mean()
found = {}
for outcome in outcomes:
    fit = pf.feols(f"{outcome} ~ C(arm) * ({' + '.join(COVARIATES)})", frame, vcov="HC2")
    points, errors = fit.coef(), fit.se()
    for i in range(1, 8):
        name = f"C(arm)[T.arm{i}]"
        found[f"{outcome} arm{i}"] = [float(points[name]), float(errors[name])]
print(json.dumps(found))
