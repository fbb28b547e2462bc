# Survival by R: survival, cmprsk, prodlim. Rscript survival.R > survival.txt
# Simulated units with seeds of R; the counts are printed, so that nothing else is needed to repeat.
suppressMessages({library(survival); library(cmprsk); library(prodlim); library(jsonlite)})
set.seed(20261122)
n <- 600
arm <- rep(0:2, length.out = n)
phase <- rep(1:2, each = n / 2)
x <- rnorm(n)
event <- rexp(n, 0.03 * exp(-0.4 * (arm == 1) + 0.5 * (arm == 2) + 0.3 * x + 0.2 * phase))
other <- rexp(n, 0.012)
followed <- runif(n, 5, 60)
time <- ceiling(pmin(event, other, followed) * 2) / 2
kind <- ifelse(event <= pmin(other, followed), 1, ifelse(other <= followed, 2, 0))
d <- data.frame(time, kind, arm = factor(arm), phase, x)
out <- list(data = d)
one <- function(fit) list(coef = unname(coef(fit)), se = unname(sqrt(diag(vcov(fit)))),
                          loglik = fit$loglik)
for (ties in c("efron", "breslow")) {
  out[[paste0("cox_", ties)]] <- one(coxph(Surv(time, kind == 1) ~ arm, d, ties = ties))
  out[[paste0("cox_strata_", ties)]] <-
    one(coxph(Surv(time, kind == 1) ~ arm + strata(phase), d, ties = ties))
  out[[paste0("cox_x_", ties)]] <-
    one(coxph(Surv(time, kind == 1) ~ arm + x + strata(phase), d, ties = ties))
  out[[paste0("cox_robust_", ties)]] <-
    one(coxph(Surv(time, kind == 1) ~ arm + strata(phase), d, ties = ties, robust = TRUE))
  out[[paste0("cox_x_robust_", ties)]] <-
    one(coxph(Surv(time, kind == 1) ~ arm + x + strata(phase), d, ties = ties, robust = TRUE))
}
came <- sort(d$time[d$kind == 1])
middle <- came[ceiling(length(came) / 2)]
out$halves <- list(
  time = middle,
  early = one(coxph(Surv(pmin(time, middle), kind == 1 & time <= middle) ~ arm, d)),
  late = one(coxph(Surv(time, kind == 1) ~ arm, d[d$time > middle, ])))
km <- summary(survfit(Surv(time, kind == 1) ~ arm, d), times = c(10, 30))
out$km <- list(S = km$surv, se = km$std.err)
rm <- summary(survfit(Surv(time, kind == 1) ~ arm, d), rmean = 30)$table
out$rmst <- list(mean = unname(rm[, "rmean"]), se = unname(rm[, "se(rmean)"]))
out$logrank <- survdiff(Surv(time, kind == 1) ~ arm, d)$chisq
out$logrank_strata <- survdiff(Surv(time, kind == 1) ~ arm + strata(phase), d)$chisq
two <- survdiff(Surv(time, kind == 1) ~ arm, d[d$arm != 2, ])
out$logrank_two <- list(o_minus_e = unname(two$obs[2] - two$exp[2]), v = two$var[2, 2],
                        chisq = two$chisq)
aj <- lapply(split(d, d$arm), function(g) {
  f <- prodlim(Hist(time, kind) ~ 1, g)
  at <- c(10, 30)
  j <- sapply(at, function(t) max(which(f$time <= t)))
  gray <- timepoints(cuminc(g$time, g$kind), at)
  list(F1 = f$cuminc[[1]][j], se1 = f$se.cuminc[[1]][j],
       F2 = f$cuminc[[2]][j], se2 = f$se.cuminc[[2]][j],
       gray_F1 = unname(gray$est[1, ]), gray_se1 = unname(sqrt(gray$var[1, ])))
})
out$aj <- aj
cat(toJSON(out, digits = 15, auto_unbox = TRUE), "\n")
