# Log-log limits by R: survival for Kaplan-Meier, etm for Aalen-Johansen. Units: survival.txt.
# Rscript survival_limits.R > survival_limits.txt
suppressMessages({library(survival); library(etm); library(jsonlite)})
d <- fromJSON("survival.txt")$data
at <- c(10, 30)
km <- lapply(split(d, d$arm), function(g) {
  s <- summary(survfit(Surv(time, kind == 1) ~ 1, g, conf.type = "log-log"), times = at)
  list(low = s$lower, high = s$upper)
})
aj <- lapply(split(d, d$arm), function(g) {
  f <- summary(etmCIF(Surv(time, kind != 0) ~ 1, g, etype = kind, failcode = 1),
               ci.fun = "cloglog")[[1]][["CIF 1"]]
  f <- f[sapply(at, function(t) max(which(f$time <= t))), ]
  list(F = f$P, var = f$var, low = f$lower, high = f$upper)
})
cat(toJSON(list(km = km, aj = aj), digits = 15, auto_unbox = TRUE), "\n")
