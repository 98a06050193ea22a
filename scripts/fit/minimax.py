"""Minimax fits of polynomials with single-precision coefficients.

Weighted least squares on a dense grid, reweighted towards the largest error (Lawson's algorithm), so that the result
approaches the minimax one. Coefficients are rounded to float32 one at a time, lowest order first, and the others are
fitted again after each, so that later coefficients absorb the rounding of earlier ones.
"""

import numpy as np


def lawson(columns, target, weight, rounds=200):
    """Coefficients c that minimise max |weight * (columns @ c - target)|."""
    importance = np.ones(len(target))
    best, best_error = None, np.inf
    for _ in range(rounds):
        scale = weight * np.sqrt(importance)
        norms = np.linalg.norm(columns * scale[:, None], axis=0)
        c, *_ = np.linalg.lstsq(columns * scale[:, None] / norms, target * scale, rcond=None)
        c = c / norms
        error = np.abs(weight * (columns @ c - target))
        if error.max() < best_error:
            best, best_error = c, error.max()
        importance = importance * (error / error.max() + 1e-12)
        importance /= importance.sum() / len(importance)
    return best, best_error


def polynomial(x, target, weight, powers, rounds=200):
    """Float32 coefficients of sum c_i x**powers[i]; returns them and the weighted error before and after rounding."""
    columns = np.stack([x**p for p in powers], axis=1)
    _, ideal = lawson(columns, target, weight, rounds)
    fixed = []
    rest = target.copy()
    for at in range(len(powers)):
        c, _ = lawson(columns[:, at:], rest, weight, rounds)
        value = float(np.float32(c[0]))
        fixed.append(value)
        rest = rest - value * columns[:, at]
    return fixed, ideal, np.abs(weight * rest).max()


def show(name, values):
    print(name, "[" + ", ".join(repr(float(np.float32(v))) for v in values) + "]")
