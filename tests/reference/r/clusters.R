# Cluster-robust errors: clubSandwich (CR0, CR1, CR1S, CR2 with Satterthwaite) and estimatr.
# Rscript tests/reference/r/clusters.R > tests/reference/r/clusters.txt
suppressMessages({library(clubSandwich); library(estimatr)})
i <- 1:180
cluster <- floor(sqrt(i * 1.7))
y <- 5 + 3 * sin(i * i) + 2 * cos(cluster) + 0.02 * i
x <- cos(3 * i)
drawn <- factor(cluster %% 3)         # arms of clusters
fell <- factor(i %% 3)                # arms of customers, who fell into clusters
say <- function(what, fit, types) {
  for (type in types) {
    found <- coef_test(fit, vcov = type, cluster = cluster, test = "Satterthwaite")
    for (k in 1:nrow(found))
      cat(sprintf("%s %s %d %.12g %.12g %.12g\n",
                  what, type, k, found$beta[k], found$SE[k], found$df_Satt[k]))
  }
}
d <- data.frame(y, x, cluster, drawn, fell)
say("drawn", lm(y ~ drawn, d), c("CR0", "CR1", "CR1S", "CR2"))
say("fell", lm(y ~ fell, d), c("CR0", "CR2"))
say("adjusted", lm(y ~ fell * x, d), c("CR0", "CR2"))
e <- lm_robust(y ~ fell * x, d, clusters = cluster, se_type = "CR2")
for (k in seq_along(e$coefficients))
  cat(sprintf("estimatr CR2 %d %.12g %.12g %.12g\n",
              k, e$coefficients[k], e$std.error[k], e$df[k]))
