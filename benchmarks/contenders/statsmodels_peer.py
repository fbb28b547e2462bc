"""statsmodels: the fully interacted regression with HC2 errors, of the outcomes named."""

import json
import sys

import pyarrow.parquet as pq
import statsmodels.formula.api as smf

COVARIATES = ["spend_before", "orders_before", "tenure", "age", "prime"]
outcomes = sys.argv[2:]

frame = pq.read_table(sys.argv[1], columns=["arm", *outcomes, *COVARIATES]).to_pandas()
for name in COVARIATES:
    frame[name] -= frame[name].mean()
found = {}
for outcome in outcomes:
    formula = f"{outcome} ~ C(arm) * ({' + '.join(COVARIATES)})"
    fit = smf.ols(formula, frame).fit(cov_type="HC2")
    for i in range(1, 8):
        name = f"C(arm)[T.arm{i}]"
        found[f"{outcome} arm{i}"] = [float(fit.params[name]), float(fit.bse[name])]
print(json.dumps(found))
