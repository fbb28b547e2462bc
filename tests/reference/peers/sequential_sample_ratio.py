"""Sequential sample-ratio tests by Optimizely's own package (ssrm-test 0.1.5, numpy 1.26).

Run in an environment of its own: `python sequential_sample_ratio.py > sequential_sample_ratio.txt`
"""

import json

import numpy as np
from ssrm_test import ssrm_test

DAYS = {
    "agrees": ([[52, 48, 101], [49, 55, 97], [480, 510, 1003]], [0.25, 0.25, 0.5]),
    "skewed": ([[1000, 1100], [1010, 1105], [4000, 4420]], [0.5, 0.5]),
    "unequal": ([[120, 300, 580], [100, 310, 590]], [0.1, 0.3, 0.6]),
}

found = {}
for name, (days, shares) in DAYS.items():
    last = ssrm_test.sequential_posteriors(np.array(days), np.array(shares))[-1]
    tight = ssrm_test.sequential_posteriors(
        np.array(days), np.array(shares), dirichlet_concentration=100
    )[-1]
    found[name] = {
        "days": days,
        "shares": shares,
        "log_bayes_factor": float(last["log_bayes_factor"]),
        "log_bayes_factor_at_100": float(tight["log_bayes_factor"]),
    }
print(json.dumps(found, indent=1))
