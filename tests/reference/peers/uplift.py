"""AUTOC and Qini by econml: python uplift.py > uplift.txt

Thresholds at every unit, so that its sum over percentiles is the sum over units.
"""

import numpy as np
from econml.validate.utils import calc_uplift

n = 400
i = np.arange(1, n + 1)
priority = np.sin(i * i) + 1e-3 * np.cos(3 * i)
score = 0.4 + 0.6 * priority + 2 * np.cos(i * i * 1.7)
for metric in ("toc", "qini"):
    found, _, _ = calc_uplift(priority, priority, score, np.arange(n + 1) * 100 / n, metric, 2)
    print(f"{metric} {found:.12g}")
