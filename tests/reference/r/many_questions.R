# Adjusted p-values and simultaneous intervals by R 4.2: p.adjust, mvtnorm, multcomp.
# Rscript tests/reference/r/many_questions.R > tests/reference/r/many_questions.txt
suppressMessages({library(mvtnorm); library(multcomp); library(sandwich)})
show <- function(name, values) cat(name, formatC(values, digits = 10, format = "g"), "\n")

p <- c(0.00012, 0.0041, 0.0102, 0.0103, 0.031, 0.031, 0.049, 0.27, 0.55, 0.81)
show("p", p)
for (method in c("bonferroni", "holm", "hochberg", "hommel", "BH", "BY"))
  show(paste0("p.adjust.", method), p.adjust(p, method))

# mvtnorm: the largest of correlated statistics, to 1e-6 where Miwa's algorithm reaches.
shared <- function(v0, v) { b <- sqrt(v0 / (v0 + v)); r <- outer(b, b); diag(r) <- 1; r }
r <- shared(1 / 120, 1 / c(40, 80, 200, 15))
for (limit in c(1.5, 2.5, 4)) {
  inside <- pmvnorm(rep(-limit, 4), rep(limit, 4), corr = r, algorithm = Miwa(steps = 2048))
  show(paste0("normal.four.", limit), 1 - inside)
}
set.seed(1)
for (df in c(6, 25)) for (limit in c(2, 3)) {
  inside <- pmvt(rep(-limit, 4), rep(limit, 4), df = df, corr = r,
                 algorithm = GenzBretz(maxpts = 5e6, abseps = 1e-6))
  show(paste0("t.four.", df, ".", limit), 1 - inside)
}
show("critical.t.four.25", qmvt(0.95, df = 25, corr = r, tail = "both.tails",
     algorithm = GenzBretz(maxpts = 5e6, abseps = 1e-6))$quantile)

# Six arms by three outcomes: cov = V_0[k, l] + 1{a = b} V_a[k, l].
within <- matrix(c(1, 0.6, 0.2, 0.6, 1, -0.3, 0.2, -0.3, 1), 3)
n <- c(400, 100, 150, 200, 250, 300)
cov <- kronecker(matrix(1, 6, 6) / 500, within) + kronecker(diag(1 / n), within)
corr <- cov2cor(cov)
for (limit in c(2.5, 3.2, 4.2)) {
  inside <- pmvnorm(rep(-limit, 18), rep(limit, 18), corr = corr,
                    algorithm = GenzBretz(maxpts = 2e6, abseps = 1e-6))
  show(paste0("normal.eighteen.", limit), c(1 - inside, attr(inside, "error")))
}
show("critical.normal.eighteen", qmvnorm(0.95, corr = corr, tail = "both.tails",
     algorithm = GenzBretz(maxpts = 1e6, abseps = 1e-5))$quantile)

# multcomp: Dunnett with a pooled variance and unequal arms; single-step, step-down, intervals.
d <- warpbreaks
fit <- lm(breaks ~ interaction(wool, tension), data = d[-c(1, 2, 10, 30, 31), ])
names(fit$model)[2] <- "arm"
d <- data.frame(breaks = fit$model$breaks, arm = fit$model$arm)
fit <- lm(breaks ~ arm, data = d)
comparisons <- glht(fit, linfct = mcp(arm = "Dunnett"))
show("arm", as.integer(d$arm)); show("breaks", d$breaks)
tight <- GenzBretz(maxpts = 2e6, abseps = 1e-6)
show("dunnett.t", summary(comparisons)$test$tstat)
show("dunnett.single", summary(comparisons, test = adjusted("single-step", algorithm = tight))$test$pvalues)
show("dunnett.down", summary(comparisons, test = adjusted("free", algorithm = tight))$test$pvalues)
ci <- confint(comparisons, calpha = adjusted_calpha(algorithm = tight))
show("dunnett.low", ci$confint[, "lwr"]); show("dunnett.high", ci$confint[, "upr"])

# The same with HC2 errors, and Tukey's all pairs, whose correlation is singular.
robust <- glht(fit, linfct = mcp(arm = "Dunnett"), vcov = vcovHC(fit, "HC2"))
show("hc2.t", summary(robust)$test$tstat)
show("hc2.single", summary(robust, test = adjusted("single-step", algorithm = tight))$test$pvalues)
show("hc2.down", summary(robust, test = adjusted("free", algorithm = tight))$test$pvalues)
fit <- lm(breaks ~ arm, data = data.frame(breaks = warpbreaks$breaks, arm = interaction(warpbreaks$wool, warpbreaks$tension)))
pairs <- glht(fit, linfct = mcp(arm = "Tukey"))
show("tukey.t", summary(pairs)$test$tstat)
show("tukey.exact", ptukey(abs(summary(pairs)$test$tstat) * sqrt(2), 6, fit$df.residual, lower.tail = FALSE))
