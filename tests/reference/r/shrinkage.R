# Normal-normal shrinkage by metafor: tau^2 by REML, mu, and best linear predictors.
suppressMessages(library(metafor))
options(digits = 15)
y <- c(28, 8, -3, 7, -1, 1, 18, 12)                    # Rubin (1981), effects of coaching
s <- c(15, 10, 16, 11, 9, 11, 10, 18)
p <- function(...) cat(..., "\n")
tight <- list(threshold = 1e-14, maxiter = 10000)
# effects spread enough that tau^2 is above 0
z <- c(2.1, 0.4, -1.3, 3.8, 1.2); v <- c(0.30, 0.25, 0.50, 0.40, 0.35)
a <- rma(z, v, method = "REML", control = tight)
b <- blup(a)
p("apart_tau2", sprintf("%.10f", a$tau2)); p("apart_mu", sprintf("%.10f", a$beta), sprintf("%.10f", a$se))
p("apart_blup", sprintf("%.10f", b$pred)); p("apart_se", sprintf("%.10f", b$se))
# arms share a control: the covariance has 0.2 off the diagonal
V <- diag(v) + 0.2 - diag(0.2, 5); diag(V) <- v + 0.2
m <- rma.mv(z, V, random = ~1 | arm, data = data.frame(arm = 1:5), method = "REML", control = list(rel.tol = 1e-12, sigma2.init = 3))
p("shared_tau2", sprintf("%.10f", m$sigma2)); p("shared_mu", sprintf("%.10f", m$beta), sprintf("%.10f", m$se))
p("shared_blup", sprintf("%.10f", as.vector(m$beta) + ranef(m)$arm$intrcpt))
e <- rma(y, s^2, method = "REML", control = tight)
p("schools_tau2", sprintf("%.10f", e$tau2)); p("schools_mu", sprintf("%.10f", e$beta), sprintf("%.10f", e$se))
