# Curves over doses: lm with splines::ns, sandwich's HC2, weighted isotonic regression from
# Iso-less base R (isoreg on rows repeated by weight). Data as in test_dose_against_r.py.
suppressMessages({library(splines); library(sandwich)})
n <- 700; i <- 1:n
dose <- c(0, 2, 3, 5, 8, 10, 15)[1 + (i * 17) %% 13 %% 7]
y <- ((i * 7919) %% 1009) / 200 + 3 * log1p(dose) - 0.15 * dose + 0.3 * (dose == 3)
# errors of level means: HC2 of the saturated model; sandwich of the curve from those
sat <- lm(y ~ 0 + factor(dose)); V <- vcovHC(sat, "HC2"); x <- sort(unique(dose))
p <- function(name, ...) cat(name, sprintf("%.12f", c(...)), "\n")
curve_of <- function(name, B, at) {
  fit <- lm(y ~ 0 + B(dose))
  W <- diag(as.vector(table(dose))); X <- B(x); A <- solve(t(X) %*% W %*% X) %*% t(X) %*% W
  C <- A %*% V %*% t(A); Z <- B(at)
  p(name, Z %*% coef(fit)); p(paste0(name, "_se"), sqrt(diag(Z %*% C %*% t(Z))))
}
at <- c(0, 1, 4, 7.5, 12, 15)
curve_of("linear", function(d) cbind(1, d), at)
curve_of("quadratic", function(d) cbind(1, d, d^2), at)
inner <- quantile(x, c(1/3, 2/3))
curve_of("spline", function(d) cbind(1, ns(d, knots = inner, Boundary.knots = c(0, 15))), at)
wiggly <- y + 2 * sin(dose)
means <- tapply(wiggly, dose, mean); w <- as.vector(table(dose))
p("isotonic", isoreg(rep(seq_along(x), w), rep(means, w))$yf[cumsum(w)])
# the top of the parabola by the delta method and by Fieller, through the ratio -b1 / (2 b2)
fit <- lm(y ~ dose + I(dose^2)); b <- coef(fit)
p("top", -b[2] / (2 * b[3]))
