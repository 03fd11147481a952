"""A PyMC transform for scales; a module of its own, because PyTensor takes long to import."""

import pytensor.tensor as pt
from pymc.logprob.transforms import Transform


class Softplus(Transform):
    """scale = size log(1 + exp(x)): linear above ``size``, an array or a variable, and logarithmic below."""

    name = "softplus"

    def __init__(self, size):
        self.size = size

    def forward(self, value, *inputs):
        return value / self.size + pt.log(-pt.expm1(-value / self.size))

    def backward(self, value, *inputs):
        return self.size * pt.softplus(value)

    def log_jac_det(self, value, *inputs):
        return pt.log(self.size) - pt.softplus(-value)
