"""Fits the polynomials of src/compiler/kernel/legalize; prints the coefficients, lowest order first, and errors."""

import sys

import numpy as np
from scipy.special import erf, erfc

from minimax import polynomial, show

which = sys.argv[1:]


def chebyshev(low, high, count=4001):
    return (low + high) / 2 + (high - low) / 2 * np.cos(np.linspace(0, np.pi, count))


def wanted(name):
    return not which or name in which


if wanted("exp"):
    # exp(r) = 1 + r + r^2 q(r), |r| <= ln2/2, relative error.
    r = chebyshev(-0.3475, 0.3475, 4000)
    q = (np.expm1(r) - r) / r**2
    small = np.abs(r) < 0.02
    q[small] = 1 / 2 + r[small] / 6 + r[small] ** 2 / 24 + r[small] ** 3 / 120 + r[small] ** 4 / 720
    c, ideal, error = polynomial(r, q, r**2 / np.exp(r), range(5))
    show("exp", c)
    print("  relative", ideal, error)
    # expm1(r) = r + r^2 q(r), relative error.
    c, ideal, error = polynomial(r, q, np.abs(r**2 / np.where(r == 0, 1, np.expm1(r))), range(5))
    show("expm1", c)
    print("  relative", ideal, error)
    c, ideal, error = polynomial(r, q, np.abs(r**2 / np.where(r == 0, 1, np.expm1(r))), range(6))
    show("expm1 degree 7", c)
    print("  relative", ideal, error)

if wanted("erf"):
    # |x| <= 1: erf(x) = x + x s(x^2), relative error.
    x = chebyshev(1e-9, 1, 4001)
    c, ideal, error = polynomial(x**2, erf(x) / x - 1, x / erf(x), range(7))
    show("erf small", c)
    print("  relative", ideal, error)
    # 1 <= |x|: erf(x) = 1 - p(|x| - 1)^8, absolute error.
    x = chebyshev(1, 4, 4001)
    y = erfc(x) ** (1 / 8)
    c, ideal, error = polynomial(x - 1, y, 8 * y**7, range(7))
    show("erf large", c)
    print("  absolute", ideal, error)
