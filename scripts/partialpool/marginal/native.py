"""What nutpie calls: the log density of the scales as a C function."""

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, types
from numba.extending import intrinsic

from partialpool.marginal.batched import LANES
from partialpool.marginal.likelihood import log_likelihood, log_likelihood_without_units


@intrinsic
def _pointer(typing, address):
    """A pointer from an address."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(address), generate


@intrinsic
def _call(typing, address, x, out):
    """Call the C function ``void(double *, double *)`` at an address with the data of two arrays."""

    def generate(context, builder, signature, arguments):
        number = context.get_value_type(types.float64).as_pointer()
        function = ir.FunctionType(ir.VoidType(), [number, number])
        data = [
            context.make_helper(builder, kind, value).data
            for kind, value in zip(signature.args[1:], arguments[1:], strict=True)
        ]
        builder.call(builder.inttoptr(arguments[0], function.as_pointer()), data)
        return context.get_dummy_value()

    return types.none(address, x, out), generate


# What ``density`` must know of a model: sizes, and addresses of arrays and of a C function.
MODEL = np.dtype(
    [
        (name, np.int64)
        for name in (
            *("dimensions", "scales", "sizes", "q", "p", "operations", "blocks", "inputs"),
            *("prior_at", "frame_at", "sizes_at", "places_at"),
            *("operations_at", "layout_at", "units_at", "rest_at", "mean_at"),
        )
    ]
)
NUMBERS = types.CPointer(types.float64)


@cfunc(types.int64(types.uint64, NUMBERS, NUMBERS, NUMBERS, types.voidptr), cache=True, error_model="numpy")
def density(dimensions, z, gradient, value, data):
    """Log density of the scales at mode + S z, and its gradient, as nutpie calls them.

    Parameters
    ----------
    dimensions, z, gradient, value
        Number of unconstrained values; they; filled with the gradient, and with the log density.
    data
        A record MODEL. ``prior`` is a function of x = mode + S z, of a weight for each of the scales, and of ``sizes``,
        which fills in the log prior, its gradient with that of the weighted scales, and the scales: sigma and the
        entries of the factor at ``places``.

    Returns
    -------
    int
        0, or 4 if a number is not finite.
    """
    model = carray(data, (1,), MODEL)[0]
    d, scales, q, p = model.dimensions, model.scales, model.q, model.p
    frame = carray(_pointer(model.frame_at), (d + 1, d), np.float64)
    places = carray(_pointer(model.places_at), (scales - 1, 2), np.int64)
    layout = carray(_pointer(model.layout_at), (4,), np.int64)
    rest = carray(_pointer(model.rest_at), (p + 1, p + 1), np.float64)
    mean = carray(_pointer(model.mean_at), (p,), np.float64)
    vector = np.zeros(d + scales + model.sizes)
    sizes = carray(_pointer(model.sizes_at), (model.sizes,), np.float64)
    for i in range(sizes.size):
        vector[d + scales + i] = sizes[i]
    for i in range(d):
        vector[i] = frame[0, i]
        for j in range(d):
            vector[i] += frame[1 + i, j] * z[j]
    found = np.empty(1 + d + scales)
    _call(model.prior_at, vector, found)
    sigma = found[1 + d]
    if q == 0:
        likelihood, vector[d] = log_likelihood_without_units(sigma, rest, mean, layout[3])
    else:
        factor, c, b = np.zeros((q, q)), np.empty((p, p)), np.empty(p)
        for i in range(scales - 1):
            factor[places[i, 0], places[i, 1]] = found[2 + d + i]
        operations = carray(_pointer(model.operations_at), (model.operations, 4), np.int64)
        units = carray(_pointer(model.units_at), (model.blocks, model.inputs, LANES), np.float64)
        likelihood, vector[d], d_factor = log_likelihood(sigma, factor, operations, layout, units, rest, mean, c, b)
        for i in range(scales - 1):
            vector[d + 1 + i] = d_factor[places[i, 0], places[i, 1]]
    value[0] = found[0] + likelihood
    _call(model.prior_at, vector, found)
    finite = np.isfinite(value[0])
    for j in range(d):
        gradient[j] = 0.0
        for i in range(d):
            gradient[j] += frame[1 + i, j] * found[1 + i]
        finite = finite and np.isfinite(gradient[j])
    return 0 if finite else 4


@cfunc(types.int64(types.uint64, types.uint64, NUMBERS, NUMBERS, types.voidptr), cache=True)
def identity(dimensions, expanded, z, out, data):
    """What nutpie keeps of a draw: z itself."""
    for i in range(dimensions):
        out[i] = z[i]
    return 0
