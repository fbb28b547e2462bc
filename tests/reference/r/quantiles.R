# Quantile treatment effects: quantreg's point and R's own quantiles of type 1.
# Rscript tests/reference/r/quantiles.R > tests/reference/r/quantiles.txt
suppressMessages(library(quantreg))
i <- 1:121
y <- 10 * abs(sin(i * i)) + (i %% 3 == 0) * sqrt(i)
d <- as.numeric(i %% 3 == 0)
for (p in c(0.25, 0.5, 0.9)) {
  own <- quantile(y[d == 1], p, type = 1) - quantile(y[d == 0], p, type = 1)
  fit <- coef(rq(y ~ d, tau = p))
  cat(sprintf("%g %.12f %.12f\n", p, own, fit["d"]))
}
