"""The marginal engine with mistakes, each of which a calibration must find."""

import numpy as np
from partialpool.marginal import with_effects
from partialpool.model import design, variables
from partialpool.sampling import space


def ignore_prior_of_sds(patch):
    """Every standard deviation of effects is as likely as any other."""
    with_priors = space.Space.log_prior

    def log_prior(self, x):
        sds = self.values(x)[1][0].T
        return with_priors(self, x) - sum(map(space.log_prior, self.priors[1:], sds))

    patch.setattr(space.Space, "log_prior", log_prior)


def flip_correlations(patch):
    """Correlations have the wrong sign."""
    right = variables.correlations
    patch.setattr(variables, "correlations", lambda cholesky: -right(cholesky))


def do_not_centre(patch):
    """The prior of the intercept is that at predictors = 0."""
    centred = design._centred

    def uncentred(common, rows):
        x, centre = centred(common, rows)
        return x + centre, np.zeros_like(centre)

    patch.setattr(design, "_centred", uncentred)


def forget_the_data_of_units(patch):
    """Effects of units are drawn from their population, whatever was measured of them."""

    def from_population(model, scales, dense, units, rng):
        normal = rng.standard_normal((len(scales.sigma), units.stop - units.start, scales.sd[0].shape[1]))
        return np.einsum("dij,duj->dui", scales.cholesky[0], normal)

    patch.setattr(with_effects.WithEffects, "_draw_batch", from_population)
