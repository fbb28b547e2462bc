# Group-sequential boundaries and sample sizes of rpact, as JSON.
# Run: Rscript tests/reference/r/group_sequential.R > tests/reference/r/group_sequential.txt
suppressPackageStartupMessages({library(rpact); library(jsonlite)})
design <- function(type, t, alpha, sided, gammaA = NA_real_, beta = 0.2) {
  args <- list(typeOfDesign = type, informationRates = t, alpha = alpha, sided = sided,
               beta = beta, twoSidedPower = FALSE)
  if (!is.na(gammaA)) args$gammaA <- gammaA
  d <- do.call(getDesignGroupSequential, args)
  list(type = type, power = gammaA, t = t, alpha = alpha, sided = sided,
       bounds = d$criticalValues, spent = d$alphaSpent,
       inflation = getDesignCharacteristics(d)$inflationFactor)
}
quarters <- (1:4) / 4
unequal <- c(0.1, 0.35, 0.5, 0.9, 1)
out <- list(
  version = as.character(packageVersion("rpact")),
  designs = list(
    design("asOF", quarters, 0.05, 2), design("asP", quarters, 0.05, 2),
    design("asKD", quarters, 0.05, 2, 2), design("asKD", quarters, 0.05, 2, 1),
    design("asKD", quarters, 0.05, 2, 3),
    design("asOF", unequal, 0.05, 2), design("asP", unequal, 0.05, 2),
    design("asKD", unequal, 0.05, 2, 2),
    design("asOF", quarters, 0.025, 1), design("asP", unequal, 0.025, 1),
    design("asKD", unequal, 0.01, 1, 1.5), design("asOF", (1:10) / 10, 0.01, 2),
    design("asP", (1:10) / 10, 0.001, 2)
  )
)
cat(toJSON(out, digits = 12, auto_unbox = TRUE, pretty = TRUE), "\n")
