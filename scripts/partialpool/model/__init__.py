"""What a model is: formula, priors, names, and its construction in Bambi."""
