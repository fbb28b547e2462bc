"""Lee bounds by pyleebounds 0.3.0, with its bootstrap's standard errors.

Trimming there cuts whole units, so the data are such that a whole number is cut: 0.8 and 0.6 of 500
units are seen in the arms, and a quarter of 400 is trimmed.

    pip install pyleebounds==0.3.0; python lee_bounds.py > lee_bounds.txt
"""

import numpy as np
import pandas as pd
from pyleebounds import LeeBounds

i = np.arange(1, 1001)
d = (i > 500).astype(int)
y = 10 + 3 * np.sin(i * i) + 2 * np.cos(3 * i) + 0.5 * d
place = (i - 1) % 500
s = np.where(d == 1, place % 5 < 4, place % 5 < 3).astype(int)
np.random.seed(1)  # noqa: NPY002 - the package draws from the global generator
found = LeeBounds(n_bootstrap=2000).fit(pd.DataFrame({"y": y, "d": d, "s": s}), "y", "d", "s")
for name in ("lower_bound", "upper_bound", "lower_bound_se", "upper_bound_se"):
    print(f"{name} {getattr(found, name):.12g}")
