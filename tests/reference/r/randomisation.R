# Exact permutation test of the difference in means by coin.
# Rscript tests/reference/r/randomisation.R > tests/reference/r/randomisation.txt
suppressMessages(library(coin))
i <- 1:14
y <- 3 + 2 * sin(i * i) + (i %% 2)
z <- factor(i %% 2)
cat(sprintf("plain %.12g\n", pvalue(oneway_test(y ~ z, distribution = "exact"))))
