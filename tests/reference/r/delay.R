# Two-stage least squares of the delay achieved: AER's ivreg and estimatr's iv_robust (HC2), with
# content as exogenous indicators and the cells of content and assigned delay as instruments.
suppressMessages({library(AER); library(estimatr); library(sandwich)})
n <- 480; i <- 1:n
content <- c("words", "coupon")[1 + (i * 17) %% 11 %% 2]
assigned <- c(1, 4, 24)[1 + (i * 13) %% 7 %% 3]
late <- ((i * 101) %% 13) / 4
achieved <- assigned * (0.8 + ((i * 29) %% 11) / 20) + late
y <- 10 - 0.1 * achieved + 2 * (content == "coupon") - 0.5 * late + ((i * 7919) %% 1009) / 300
d <- data.frame(y, achieved, content = factor(content), cell = interaction(content, assigned))
m <- ivreg(y ~ 0 + achieved + content | 0 + cell, data = d)
p <- function(name, ...) cat(name, sprintf("%.12f", c(...)), "\n")
p("ivreg", coef(m)[["achieved"]])
h <- iv_robust(y ~ 0 + achieved + content | 0 + cell, data = d, se_type = "HC2")
p("hc2", h$coefficients[["achieved"]], h$std.error[["achieved"]])
f <- lm(achieved ~ 0 + cell, d); g <- lm(achieved ~ 0 + content, d)
p("first", anova(g, f)$F[2])
# a weak first stage: assignment hardly moves the delay; Anderson and Rubin's Q(b), as in the page
weak <- 5 + 0.04 * assigned + ((i * 29) %% 17) / 3
q <- function(b) {
  r <- y - b * weak; s <- 0
  for (k in unique(content)) {
    j <- content == k; u <- tapply(r[j], assigned[j], mean); w <- 1 / tapply(r[j], assigned[j], function(z) var(z) / length(z))
    s <- s + sum(w * (u - sum(w * u) / sum(w))^2)
  }
  s
}
most <- qchisq(0.95, 4)
b <- coef(ivreg(y ~ 0 + weak + content | 0 + cell, data = transform(d, weak = weak)))[["weak"]]
p("weak", b, uniroot(function(x) q(x) - most, c(b - 40, b), tol = 1e-12)$root, uniroot(function(x) q(x) - most, c(b, b + 40), tol = 1e-12)$root)
p("weak_first", anova(lm(weak ~ 0 + content, d), lm(weak ~ 0 + cell, d))$F[2])
