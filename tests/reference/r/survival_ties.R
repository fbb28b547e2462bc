# Survival where days are few: by R's survival and prodlim. Rscript survival_ties.R > survival_ties.txt
# Times from 0 on, most of them tied, ends and censoring on one day; an arm without events; an arm
# whose last unit is censored beside one whose last unit has the event.
suppressMessages({library(survival); library(prodlim); library(jsonlite)})
set.seed(20261123)
made <- function(n, arms, last, p) data.frame(
  time = sample(0:last, n, TRUE), kind = sample(0:2, n, TRUE, p), arm = sample(0:(arms - 1), n, TRUE),
  x = round(rnorm(n), 1))
sets <- list(tied = made(90, 3, 5, c(0.3, 0.4, 0.3)), few_days = made(60, 2, 3, c(0.1, 0.9, 0)))
sets$no_events <- made(80, 3, 9, c(0.3, 0.7, 0))
sets$no_events$kind[sets$no_events$arm == 2] <- 0
ends <- made(70, 2, 9, c(0.3, 0.7, 0))
ends$kind[ends$time == 9] <- 0
late <- ends$arm == 1 & ends$time >= 7
ends$time[late] <- 7
ends$kind[late] <- 1
sets$ends_differ <- ends
at <- 2
exact <- coxph.control(eps = 1e-14, iter.max = 50)
fits <- function(d) {
  both <- expand.grid(ties = c("efron", "breslow"), robust = c(FALSE, TRUE), stringsAsFactors = FALSE)
  name <- paste0(both$ties, ifelse(both$robust, "_robust", ""))
  fit <- function(formula) setNames(lapply(seq_along(name), function(i) {
    f <- suppressWarnings(coxph(formula, d, ties = both$ties[i], robust = both$robust[i],
                                control = exact))
    list(b = I(unname(coef(f))), se = I(unname(sqrt(diag(vcov(f))))))
  }), name)
  list(cox = fit(Surv(time, kind == 1) ~ factor(arm)),
       cox_adjusted = fit(Surv(time, kind == 1) ~ factor(arm) + x))
}
by_arm <- function(d) lapply(split(d, d$arm), function(g) {
  km <- function(type) summary(survfit(Surv(time, kind == 1) ~ 1, g, conf.type = type), times = at)
  area <- summary(survfit(Surv(time, kind == 1) ~ 1, g), rmean = at)$table
  out <- list(S = km("plain")$surv, se = km("plain")$std.err, low = km("log-log")$lower,
              high = km("log-log")$upper, area = unname(area["rmean"]),
              area_se = unname(area["se(rmean)"]))
  if (any(g$kind == 2)) {
    f <- prodlim(Hist(time, kind) ~ 1, g)
    j <- max(which(f$time <= at))
    out <- c(out, list(F = f$cuminc[[1]][j], F_se = f$se.cuminc[[1]][j]))
  }
  out
})
told <- lapply(sets, function(d) c(list(
  data = d, by_arm = by_arm(d),
  log_rank = I(sapply(setdiff(sort(unique(d$arm)), 0), function(a)
    survdiff(Surv(time, kind == 1) ~ arm, d[d$arm %in% c(0, a), ])$chisq))), fits(d)))
cat(toJSON(told, digits = 15, auto_unbox = TRUE), "\n")
