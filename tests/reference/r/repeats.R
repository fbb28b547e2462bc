# Weighted difference of arms with errors between customers: estimatr's lm_robust, CR0, whose
# variance we multiply by G / (G - 1).
suppressMessages(library(estimatr))
n <- 400; i <- 1:n
customer <- 1 + (i * 37) %% 151
k <- ave(i, customer, FUN = seq_along)
history <- (i * 11) %% 3
share <- c(0.5, 0.3, 0.8)[1 + history]
arm <- as.integer(((i * 7919) %% 1009) / 1009 < share)
p <- ifelse(arm == 1, share, 1 - share)
y <- 3 + 0.5 * arm + ((customer * 17) %% 23) / 5 + ((i * 271) %% 97) / 30 + history
out <- function(name, s) {
  d <- data.frame(y, arm, w = 1 / p, customer)[s, ]
  m <- lm_robust(y ~ arm, d, weights = w, clusters = customer, se_type = "CR0")
  g <- length(unique(d$customer))
  cat(name, sprintf("%.12f", c(m$coefficients[["arm"]], m$std.error[["arm"]] * sqrt(g / (g - 1)))), "\n")
}
out("all", rep(TRUE, n)); out("k1", k == 1); out("k2", k == 2)
