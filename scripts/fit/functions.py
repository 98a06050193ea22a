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

if wanted("normcdf"):
    # Phi(-t) = ((8 - t) p(t))^8, error relative to Phi(-t) up to 1.5, beyond to at least 0.08 / t.
    t = chebyshev(1e-6, 8 - 1e-4, 3001)
    tail = erfc(t / np.sqrt(2)) / 2
    allowed = np.where(t > 1, np.maximum(t * tail, 0.08), t * tail)
    q = tail ** (1 / 8)
    c, ideal, error = polynomial(t, q / (8 - t), np.maximum(8 * q**7 * t * (8 - t) / allowed, 1e-12), range(8))
    show("normcdf", c)
    print("  relative", ideal, error)

if wanted("log"):
    # log(1 + f) = f - f^2 / 2 + f^3 l(f), sqrt(1/2) <= 1 + f < sqrt(2), relative error.
    f = chebyshev(np.sqrt(0.5) - 1, np.sqrt(2) - 1, 4000)
    exact = np.log1p(f)
    value = (exact - f + f**2 / 2) / f**3
    small = np.abs(f) < 0.01
    value[small] = sum((-f[small]) ** i / (i + 3) for i in range(10))
    for degree in [6, 7, 8]:
        c, ideal, error = polynomial(f, value, np.abs(f**3 / exact), range(degree + 1))
        show(f"log {degree}", c)
        print("  relative", ideal, error)

if wanted("sin"):
    # sin(r) = r + r^3 s(r^2) and cos(r) = 1 - r^2 / 2 + r^4 c(r^2), |r| <= pi / 4, relative error.
    r = chebyshev(1e-3, np.pi / 4 + 1e-3, 4000)
    s = (np.sin(r) - r) / r**3
    small = r < 0.05
    s[small] = -1 / 6 + r[small] ** 2 / 120 - r[small] ** 4 / 5040
    for degree in [2, 3]:
        c, ideal, error = polynomial(r**2, s, r**3 / np.sin(r), range(degree + 1))
        show(f"sin {degree}", c)
        print("  relative", ideal, error)
    k = (np.cos(r) - 1 + r**2 / 2) / r**4
    small = r < 0.1
    k[small] = 1 / 24 - r[small] ** 2 / 720 + r[small] ** 4 / 40320
    for degree in [1, 2, 3]:
        c, ideal, error = polynomial(r**2, k, r**4 / np.cos(r), range(degree + 1))
        show(f"cos {degree}", c)
        print("  relative", ideal, error)

if wanted("pow"):
    # log2(m / c) = (2 / ln 2) (s + s^3 t(s^2)), s = (m - c) / (m + c), |s| <= 0.0885, error relative to s.
    s = chebyshev(1e-3, 0.0885, 4000)
    t = (np.arctanh(s) - s) / s**3
    small = s < 0.02
    t[small] = 1 / 3 + s[small] ** 2 / 5 + s[small] ** 4 / 7
    for degree in [1, 2]:
        c, ideal, error = polynomial(s**2, t, s**2, range(degree + 1))
        show(f"log2 {degree}", c)
        print("  relative", ideal, error)
    # 2^f = 1 + f e(f), |f| <= 1/2, relative error.
    f = chebyshev(-0.5, 0.5, 4000)
    e = np.expm1(f * np.log(2)) / np.where(f == 0, 1, f)
    e[f == 0] = np.log(2)
    for degree in [4, 5, 6]:
        c, ideal, error = polynomial(f, e, np.abs(f) / 2**f, range(degree + 1))
        show(f"exp2 {degree}", c)
        print("  relative", ideal, error)

if wanted("constants"):
    from mpmath import mp, mpf, pi, log as mlog

    mp.prec = 200
    rest = pi / 2
    parts = []
    # The first three have 11 significant bits, so that their products with integers below 2^13 are exact.
    for bits in [11, 11, 11, 24]:
        unit = mpf(2) ** (int(mp.floor(mp.log(rest, 2))) - bits + 1)
        part = mp.floor(rest / unit) * unit
        parts.append(float(part))
        rest -= part
    print("pi / 2", [repr(p) for p in parts], "left", float(rest))
    for c in ["0.84375", "1.1875"]:
        value = mlog(mpf(c), 2)
        high = float(mp.floor(value * 4096) / 4096)
        print("log2", c, repr(high), repr(float(np.float32(value - mpf(high)))))
    high = np.float32(2 / mlog(2))
    print("2 / ln 2", repr(float(high)), repr(float(np.float32(2 / mlog(2) - mpf(float(high))))))
