# Two-stage least squares: estimatr's iv_robust (HC0, HC1, HC2, classical, CR0, Stata's clusters).
# Rscript tests/reference/r/compliance.R > tests/reference/r/compliance.txt
suppressMessages({library(estimatr); library(AER)})
i <- 1:240
z <- i %% 2
d <- as.numeric(sin(i * i) + 1.1 * z > 0.4)
y <- 3 + 0.7 * d + 2 * cos(i * i) + sin(i * i)
x <- cos(5 * i)
cluster <- floor(sqrt(i))
say <- function(what, fit) for (k in seq_along(fit$coefficients))
  cat(sprintf("%s %d %.12g %.12g\n", what, k, fit$coefficients[k], fit$std.error[k]))
for (type in c("classical", "HC0", "HC1", "HC2"))
  say(paste("plain", type), iv_robust(y ~ d | z, se_type = type))
for (type in c("classical", "HC0", "HC1", "HC2"))
  say(paste("adjusted", type), iv_robust(y ~ d + x | z + x, se_type = type))
say("adjusted CR0", iv_robust(y ~ d + x | z + x, clusters = cluster, se_type = "CR0"))
say("adjusted CR1S", iv_robust(y ~ d + x | z + x, clusters = cluster, se_type = "stata"))
# First-stage F with HC2 errors, and the HC2 t of y - b d on z at trial values of b.
first <- lm_robust(d ~ z, se_type = "HC2")
cat(sprintf("first F 0 %.12g\n", (first$coefficients[2] / first$std.error[2])^2))
for (b in c(-1, 0, 0.7, 2, 5)) {
  e <- y - b * d
  own <- lm_robust(e ~ z, se_type = "HC2")
  cat(sprintf("ar %g 0 %.12g\n", b, own$statistic[2]))
}
