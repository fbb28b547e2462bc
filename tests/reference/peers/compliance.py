"""Two-stage least squares by linearmodels: python compliance.py > compliance.txt"""

import numpy as np
from linearmodels.iv import IV2SLS

i = np.arange(1, 241)
z = (i % 2).astype(float)
d = (np.sin(i * i) + 1.1 * z > 0.4).astype(float)
y = 3 + 0.7 * d + 2 * np.cos(i * i) + np.sin(i * i)
x = np.cos(5 * i)
exogenous = np.column_stack([np.ones(240), x])
for name, debiased in (("HC0", False), ("HC1", True)):
    found = IV2SLS(y, exogenous, d, z).fit(cov_type="robust", debiased=debiased)
    for k, (b, se) in enumerate(zip(found.params, found.std_errors, strict=True)):
        print(f"{name} {k} {b:.12g} {se:.12g}")
