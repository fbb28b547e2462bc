# Effects: estimatr, survey, msm and R's own t.test and lm.
# Rscript tests/reference/r/effects.R > tests/reference/r/effects.txt
suppressMessages({library(estimatr); library(survey); library(msm)})
i <- 1:240
arm <- c("a", "b", "c")[1 + (i * 7 + i %/% 11) %% 3]
x <- 3 + 2 * sin(i * i) + i %% 5
z <- cos(i * 3) + (i %% 7) / 3
y <- pmax(0, 2 + 0.8 * x + 0.5 * z * (arm == "b") + 3 * sin(i * 1.7)^3 - 4 * (i %% 4 == 0))
v <- 1 + i %% 6 + (arm == "c")
w <- 1 + (i * 5) %% 4
stratum <- ifelse(sin(i * 2.3) > 0.2, "n", "s")
d <- data.frame(y, x, z, v, w, arm = factor(arm), stratum)
say <- function(name, ...) cat(name, sprintf("%.12g", c(...)), "\n")

for (hc in c("HC0", "HC1", "HC2", "HC3")) {
  plain <- lm_robust(y ~ arm, d, se_type = hc)
  say(paste0("difference_in_means(errors=", hc, ")"), coef(plain)[2:3], plain$std.error[2:3])
  lin <- lm_lin(y ~ arm, ~ x + z, d, se_type = hc)
  k <- c("armb", "armc")
  say(paste0("lin(errors=", hc, ")"), lin$coefficients[k], lin$std.error[k], lin$df[k])
}

two <- subset(d, arm != "c")
strat <- difference_in_means(y ~ arm, blocks = stratum, data = transform(two, arm = factor(arm)))
say("stratified", coef(strat), strat$std.error)

a <- subset(d, arm == "a"); b <- subset(d, arm == "b")
fa <- lm(y ~ x, a); fb <- lm(y ~ x, b)
n <- nrow(two)
theta <- (nrow(a) * coef(fb)[2] + nrow(b) * coef(fa)[2]) / n
within <- (nrow(a) * var(a$x) + nrow(b) * var(b$x)) / n
lin2 <- lm_lin(y ~ arm, ~ x, transform(two, arm = factor(arm)))
say("cuped", theta, (mean(b$y) - mean(a$y)) - theta * (mean(b$x) - mean(a$x)),
    lin2$coefficients["armb"],
    sqrt(sigma(fa)^2 / nrow(a) + sigma(fb)^2 / nrow(b) +
         (coef(fb)[2] - coef(fa)[2])^2 * within / n))
for (at in list(list("winsorised(at=0.9)", quantile(two$y, 0.9, type = 1)), list("capped(at=6)", 6))) {
  t <- t.test(pmin(b$y, at[[2]]), pmin(a$y, at[[2]]))
  say(at[[1]], at[[2]], t$estimate[1] - t$estimate[2], t$stderr, t$parameter, t$conf.int, t$p.value)
}

for (name in c("a", "b", "c")) {
  r <- svyratio(~y, ~v, svydesign(ids = ~1, weights = ~1, data = subset(d, arm == name)))
  say(paste("ratio", name), coef(r), SE(r))
}

for (name in c("a", "b", "c")) {
  each <- subset(d, arm == name)
  say(paste("two_part", name), mean(each$y > 0), mean(each$y[each$y > 0]))
}

t <- t.test(b$y, a$y)
m <- c(mean(b$y), mean(a$y))
V <- diag(c(var(b$y) / nrow(b), var(a$y) / nrow(a)))
R <- m[1] / m[2]
df <- t.test(b$y, R * a$y)$parameter
se <- deltamethod(~ x1 / x2, m, V)
say("lift delta", R - 1 + c(-1, 1) * qt(0.975, t$parameter) * se,
    2 * pt(-abs(R - 1) / se, t$parameter), R - 1, se)
se <- deltamethod(~ log(x1 / x2), m, V)
say("lift log", exp(log(R) + c(-1, 1) * qt(0.975, df) * se) - 1, 2 * pt(-abs(log(R)) / se, df))
gap <- function(r) abs(t.test(b$y, r * a$y)$statistic) - qt(0.975, df)
ends <- c(uniroot(gap, c(0, R), tol = 1e-13)$root, uniroot(gap, c(R, 3), tol = 1e-13)$root)
say("lift fieller", ends - 1, t$p.value)

phase <- rep(1:2, each = 60)
arm2 <- rep(rep(c("a", "b"), each = 30), 2)
known <- ifelse(phase == 1, 0.5, ifelse(arm2 == "b", 0.75, 0.25))
y2 <- y[1:120] + 2 * phase
for (name in c("a", "b")) {
  mine <- arm2 == name
  m <- svymean(~y2, svydesign(ids = ~1, weights = ~w, data = data.frame(y2, w = 1 / known)[mine, ]))
  say(paste("ipw", name), coef(m), SE(m), sum(mine))
}
