"""What is known of families by their names alone."""

# Bambi's families whose measurements have the inverse link of the linear predictor as their mean. Of a binomial count
# it is the mean of the share of successes.
WITH_MEAN = frozenset(
    {"bernoulli", "beta", "binomial", "gamma", "gaussian", "laplace", "negativebinomial", "poisson", "t", "wald"}
)
# Its outcome has ordered levels, each with a probability.
ORDINAL = "cumulative"
# The mean of a measurement is a probability.
OF_SHARES = frozenset({"bernoulli", "binomial", ORDINAL})
