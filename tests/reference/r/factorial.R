# Estimated marginal means and their contrasts, with HC2 errors: emmeans and sandwich.
# Data are made of whole numbers, so that Python makes the same (test_factorial_against_emmeans.py).
emm <- function(...) suppressMessages(emmeans(...))
suppressMessages({library(emmeans); library(sandwich)})
options(digits = 15)
n <- 600; i <- 1:n
wording <- c("plain", "warm")[1 + (i * 31) %% 7 %% 2]
coupon <- c("none", "usd3", "usd5")[1 + (i * 17) %% 11 %% 3]
timing <- c("1h", "4h")[1 + (i * 13) %% 5 %% 2]
y <- ((i * 7919) %% 1009) / 100 + 2 * (coupon == "usd5") + (coupon == "usd3") * (timing == "1h") +
  0.5 * (wording == "warm") * (((i * 101) %% 13) / 3)
d <- data.frame(y, wording = factor(wording), coupon = factor(coupon), timing = factor(timing))
fit <- lm(y ~ wording * coupon * timing, d)
V <- vcovHC(fit, "HC2")
show <- function(name, x) {
  x <- as.data.frame(x)
  key <- intersect(c("emmean", "estimate"), names(x))
  for (j in seq_len(nrow(x))) cat(name, j, sprintf("%.12f", x[j, key]), sprintf("%.12f", x$SE[j]), "\n")
}
show("main", contrast(emm(fit, ~coupon, vcov. = V), "trt.vs.ctrl1"))
show("simple", contrast(emm(fit, ~coupon | timing, at = list(timing = "1h"), vcov. = V), "trt.vs.ctrl1"))
show("means", emm(fit, ~coupon, vcov. = V))
# margins: timing 1h weighs 3, 4h weighs 1
own <- emm(fit, ~coupon * timing * wording, vcov. = V)
show("weighted", contrast(emm(own, ~coupon, weights = c(3, 1, 3, 1)), "trt.vs.ctrl1"))
show("two", contrast(emm(fit, ~coupon * timing, vcov. = V), interaction = "trt.vs.ctrl1"))
show("three", contrast(emm(fit, ~coupon * timing * wording, vcov. = V), interaction = "trt.vs.ctrl1"))
f <- expand.grid(a = c(-1, 1), b = c(-1, 1)); f$c <- f$a * f$b
cat("aliases:", paste(rownames(alias(lm(1:4 ~ a * b * c, f))$Complete), collapse = " "), "\n")
print(alias(lm(1:4 ~ a * b * c, f))$Complete)
