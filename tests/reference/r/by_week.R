# Bands over four weeks by mvtnorm: Rscript by_week.R > by_week.txt
suppressMessages({library(mvtnorm); library(jsonlite)})
set.seed(11)
n <- c(40, 55)
draw <- function(n, lift) {
  level <- rexp(n)
  round(sapply(1:4, function(w) pmax(0, level * 8 + rnorm(n, sd = 3 * w) + lift[w])), 2)
}
y0 <- draw(n[1], c(0, 0, 0, 0)); y1 <- draw(n[2], c(3, 2, 0.5, 0))
answer <- function(y0, y1) {
  d <- colMeans(y1) - colMeans(y0)
  V <- cov(y1) / nrow(y1) + cov(y0) / nrow(y0)
  v1 <- diag(cov(y1)) / nrow(y1); v0 <- diag(cov(y0)) / nrow(y0)
  df <- min((v1 + v0)^2 / (v1^2 / (nrow(y1) - 1) + v0^2 / (nrow(y0) - 1)))
  R <- cov2cor(V); t <- d / sqrt(diag(V))
  exact <- GenzBretz(maxpts = 1e5, abseps = 1e-5)
  band <- function(df) list(
    q = qmvt(0.95, corr = R, df = df, tail = "both.tails", ptol = 1e-4)$quantile,
    p = sapply(abs(t), function(c)
      1 - pmvt(rep(-c, 4), rep(c, 4), corr = R, df = df, algorithm = exact)[1]))
  # pmvt knows whole degrees of freedom only: the two that stand on either side of df.
  list(d = unname(d), se = unname(sqrt(diag(V))), df = df,
       below = band(floor(df)), above = band(ceiling(df)))
}
total <- function(y) t(apply(y, 1, cumsum))
cat(toJSON(list(y0 = y0, y1 = y1, each = answer(y0, y1), cumulative = answer(total(y0), total(y1))),
           digits = 12, auto_unbox = TRUE), "\n")
