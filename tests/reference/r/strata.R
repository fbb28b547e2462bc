# A stratified draw with unequal shares: estimatr's blocked difference in means, and lm_lin in each
# stratum weighted by its units; then all draws of twelve units in two strata, counted.
# Rscript tests/reference/r/strata.R > tests/reference/r/strata.txt
suppressMessages(library(estimatr))
i <- 1:203
size <- ifelse(i %% 11 == 0, "x", c("n", "s", "oe st")[findInterval(sin(i * i), c(-0.5, 0.5)) + 1])
arm <- ifelse(cos(i * i * 0.37) > ifelse(size == "n", 0.5, 0), "t", "c")
x <- cos(3 * i) + i %% 5
y <- 3 * (size == "s") + 0.7 * x + (arm == "t") * (1 + (size == "n")) + 2 * sin(i * 1.7)
d <- data.frame(i, y, x, arm, size)
f <- difference_in_means(y ~ arm, blocks = size, data = d)
cat(sprintf("difference_in_means %.12g %.12g\n", coef(f), f$std.error))
for (type in c("HC0", "HC2", "HC3")) {
  point <- 0
  variance <- 0
  for (k in unique(size)) {
    mine <- d[size == k, ]
    mine$t <- as.numeric(mine$arm == "t")
    fit <- lm_lin(y ~ t, ~ x, mine, se_type = type)
    point <- point + nrow(mine) / nrow(d) * coef(fit)["t"]
    variance <- variance + (nrow(mine) / nrow(d) * fit$std.error["t"])^2
  }
  cat(sprintf("lin(errors=%s) %.12g %.12g\n", type, point, sqrt(variance)))
}
few <- d[1:12, ]
few$size <- ifelse(few$i <= 7, "a", "b")
few$arm <- c("t", "c", "c", "t", "c", "c", "t", "t", "c", "c", "c", "t")
statistic <- function(treated) {
  total <- 0
  for (k in c("a", "b")) {
    mine <- few$size == k
    total <- total + mean(mine) * (mean(few$y[mine & treated]) - mean(few$y[mine & !treated]))
  }
  total
}
rows <- seq_len(12)
found <- c()
for (a in combn(7, 3, simplify = FALSE)) for (b in combn(8:12, 2, simplify = FALSE))
  found <- c(found, statistic(rows %in% c(a, b)))
made <- statistic(few$arm == "t")
cat(sprintf("randomisation %.12g %.12g %d\n", made, mean(abs(found) >= abs(made) - 1e-9), length(found)))
