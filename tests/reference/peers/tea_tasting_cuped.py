"""CUPED and ratios of tea-tasting on made-up units (no table is needed).

pip install tea-tasting==1.14.0 in an environment of its own, then
python tests/reference/peers/tea_tasting_cuped.py > tests/reference/peers/tea_tasting_cuped.txt
"""

import numpy as np
import pandas as pd
import tea_tasting as tt

i = np.arange(1, 401)
before = 3 + 2 * np.sin(i * i) + i % 5
visits_before = 1 + i % 4
variant = (i * 7 + i // 11) % 3 % 2
visits = 1 + i % 6 + variant
spend = np.maximum(0, 1 + 0.8 * before + 3 * np.sin(i * 1.7) ** 3) * (1 + 0.1 * variant)
data = pd.DataFrame(locals() | {"i": i}, columns=[
    "variant", "spend", "visits", "before", "visits_before"
])  # fmt: skip
found = tt.Experiment(
    plain=tt.Mean("spend"),
    cuped=tt.Mean("spend", "before"),
    ratio=tt.RatioOfMeans("spend", "visits"),
    ratio_cuped=tt.RatioOfMeans("spend", "visits", "before", "visits_before"),
).analyze(data)
for name, result in found.items():
    numbers = [
        result.effect_size, result.effect_size_ci_lower, result.effect_size_ci_upper,
        result.rel_effect_size, result.rel_effect_size_ci_lower, result.rel_effect_size_ci_upper,
        result.pvalue,
    ]  # fmt: skip
    print(name, *(f"{number:.12g}" for number in numbers))
