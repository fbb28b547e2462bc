"""Adjusted p-values from p-values alone, whatever the tests were.

A hypothesis is rejected at level alpha if its adjusted p is at most alpha. With m p-values in
order p_(1) <= ... <= p_(m), the adjusted value of the i-th is, before it is cut at 1,

==================  ======================================================  =======================
procedure           adjusted p_(i)                                          holds
==================  ======================================================  =======================
bonferroni          m p_(i)                                                 always
sidak               1 - (1 - p_(i))^m                                       two-sided normal tests
holm                max over j <= i of (m - j + 1) p_(j)                    always
holm_sidak          max over j <= i of 1 - (1 - p_(j))^(m - j + 1)          two-sided normal tests
hochberg            min over j >= i of (m - j + 1) p_(j)                    Simes' inequality
hommel              the closed test by Simes' inequality                    Simes' inequality
benjamini_hochberg  min over j >= i of (m / j) p_(j)                        PRDS; a false
                                                                            discovery rate
benjamini_yekutieli the same times 1 + 1/2 + ... + 1/m                      always; the same rate
==================  ======================================================  =======================

Simes' inequality and PRDS (positive regression dependence) are proven for the two-sided tests of
arms against one shared reference, on one outcome, drawn unit by unit: |T| is then MTP2 (Karlin and
Rinott 1981; Sarkar 1998). Across outcomes, main effects and named contrasts they are not.

Sources: Holm 1979 (Scandinavian Journal of Statistics 6); Sidak 1967 (JASA 62); Hochberg 1988 and
Hommel 1988 (Biometrika 75); Benjamini and Hochberg 1995 (JRSS B 57); Benjamini and Yekutieli 2001
(Annals of Statistics 29); Wright 1992 (Biometrics 48) for adjusted p-values and Hommel's algorithm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from apologylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from apologylab.inference.moments import Floats


def bonferroni(p: ArrayLike) -> Floats:
    """Single-step adjusted p-values.

    >>> bonferroni([0.01, 0.4]).tolist()
    [0.02, 0.8]
    """
    given = _given(p)
    return np.minimum(given * len(given), 1)


def sidak(p: ArrayLike) -> Floats:
    """Single-step adjusted p-values, a little below Bonferroni's.

    >>> sidak([0.01, 0.4]).round(4).tolist()
    [0.0199, 0.64]
    """
    given = _given(p)
    return _any_of(given, np.full(len(given), len(given)))


def holm(p: ArrayLike) -> Floats:
    """Step-down adjusted p-values, in the order of ``p``.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    given = _given(p)
    order = np.argsort(given, kind="stable")
    return down(given[order] * np.arange(len(given), 0, -1), order)


def holm_sidak(p: ArrayLike) -> Floats:
    """Step-down adjusted p-values, a little below Holm's.

    >>> holm_sidak([0.01, 0.04, 0.03]).round(4).tolist()
    [0.0297, 0.0591, 0.0591]
    """
    given = _given(p)
    order = np.argsort(given, kind="stable")
    return down(_any_of(given[order], np.arange(len(given), 0, -1)), order)


def hochberg(p: ArrayLike) -> Floats:
    """Step-up adjusted p-values.

    >>> hochberg([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    given = _given(p)
    order = np.argsort(given, kind="stable")
    return _up(given[order] * np.arange(len(given), 0, -1), order)


def hommel(p: ArrayLike) -> Floats:
    """Adjusted p-values of the closed test by Simes' inequality; never above Hochberg's.

    >>> hommel([0.01, 0.03, 0.04]).tolist()
    [0.03, 0.04, 0.04]
    """
    given = _given(p)
    m, order = len(given), np.argsort(given, kind="stable")
    ordered = given[order]
    if m < 2:
        return given
    adjusted = ordered.copy()
    for size in range(m, 1, -1):
        rank = np.arange(2, size + 1)
        simes = (size * ordered[m - size + 1 :] / rank).min()
        upper = m - size + 1
        adjusted[upper:] = np.maximum(adjusted[upper:], simes)
        lower = np.minimum(simes, size * ordered[:upper])
        adjusted[:upper] = np.maximum(adjusted[:upper], lower)
    back = np.empty(m)
    back[order] = np.minimum(adjusted, 1)
    return back


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Adjusted p-values that hold the false discovery rate, under PRDS.

    >>> benjamini_hochberg([0.01, 0.04, 0.02]).round(6).tolist()
    [0.03, 0.04, 0.03]
    """
    given = _given(p)
    m, order = len(given), np.argsort(given, kind="stable")
    return _up(given[order] * (m / np.arange(1, m + 1)), order)


def benjamini_yekutieli(p: ArrayLike) -> Floats:
    """Adjusted p-values that hold the false discovery rate under any dependence.

    >>> benjamini_yekutieli([0.01, 0.04, 0.02]).round(6).tolist()
    [0.055, 0.073333, 0.055]
    """
    given = _given(p)
    m, order = len(given), np.argsort(given, kind="stable")
    return _up(given[order] * (harmonic(m) * m / np.arange(1, m + 1)), order)


def harmonic(m: int) -> float:
    """1 + 1/2 + ... + 1/m: what any dependence costs a false discovery rate.

    >>> harmonic(2)
    1.5
    """
    return float((1 / np.arange(1, m + 1)).sum())


def down(stepped: Floats, order: Sequence[int] | np.ndarray) -> Floats:
    """Step-down: the largest so far, cut at 1 and put back into the order given, (m,).

    >>> down(np.array([0.03, 0.02, 1.2]), [2, 0, 1]).tolist()
    [0.03, 1.0, 0.03]
    """
    return _back(np.maximum.accumulate(stepped), order)


def _up(stepped: Floats, order: Sequence[int] | np.ndarray) -> Floats:
    """Step-up: the least from here on, cut at 1 and put back."""
    return _back(np.minimum.accumulate(stepped[::-1])[::-1], order)


def _back(ordered: Floats, order: Sequence[int] | np.ndarray) -> Floats:
    adjusted = np.empty_like(ordered)
    adjusted[np.asarray(order, dtype=np.intp)] = np.minimum(ordered, 1)
    return adjusted


def _any_of(p: Floats, tests: np.ndarray) -> Floats:
    """1 - (1 - p)^tests without losing the digits of a small p; log1p(-1) is -inf, as it should."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(tests * np.log1p(-p)), dtype=np.float64)


def _given(p: ArrayLike) -> Floats:
    given = np.asarray(p, dtype=np.float64)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise InputError(
            f"p-values are {given}", do="give a list of numbers from 0 to 1, nothing missing"
        )
    return given
