# Regressions with few, unequal clusters: estimatr's iv_robust, and clubSandwich on ivreg and lm.
# Rscript tests/reference/r/regressions.R > tests/reference/r/regressions.txt
suppressMessages({library(estimatr); library(clubSandwich); library(AER)})
i <- 1:90
z <- as.numeric(i %% 3 == 0)
x <- sin(i * i)
d <- as.numeric(cos(i * 1.3) + 1.2 * z > 0.3) + 0.1 * x
y <- 2 + 0.7 * d + x + 2 * cos(i * i * 0.7) + sin(floor(sqrt(i)))
g <- floor(sqrt(i))
say <- function(what, b, se, df) for (k in seq_along(b))
  cat(sprintf("%s %.12g %.12g %.12g\n", what, b[k], se[k], df[k]))
for (type in c("classical", "HC0", "HC1", "HC2", "HC3")) {
  f <- iv_robust(y ~ d + x | z + x, se_type = type)
  say(paste("iv", type), coef(f), f$std.error, f$df)
}
for (type in c("CR0", "CR1S", "CR2")) {
  f <- iv_robust(y ~ d + x | z + x, clusters = g, se_type = sub("CR1S", "stata", type))
  say(paste("iv", type), coef(f), f$std.error, f$df)
}
fits <- list(club = ivreg(y ~ d + x | z + x), lm = lm(y ~ d + x))
for (what in names(fits)) for (type in c("CR0", "CR1", "CR1S", "CR2")) {
  V <- vcovCR(fits[[what]], cluster = g, type = type)
  df <- coef_test(fits[[what]], vcov = V, test = "Satterthwaite")$df_Satt
  if (type != "CR2") df <- rep(length(unique(g)) - 1, 3)
  say(paste(what, type), coef(fits[[what]]), sqrt(diag(V)), df)
}
