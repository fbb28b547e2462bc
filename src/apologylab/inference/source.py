"""The port to an engine that holds a panel: one row a randomised unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from apologylab.inference.arrays import ArraySource
    from apologylab.inference.derived import Derived
    from apologylab.inference.moments import Cell, Fitted, Moments, Request
    from apologylab.inference.sets import SetTotals
    from apologylab.inference.survival.counts import EventCounts, Timed
    from apologylab.inference.value_counts import ValueCounts


class Source(Protocol):
    """What estimators may ask of an engine; all but :meth:`collect` gives small things back."""

    def moments(self, requests: Sequence[Request]) -> list[Moments]:
        """All requests in one scan, in their order."""
        ...

    def hc_variances(self, fitted: Sequence[Fitted]) -> list[dict[Cell, float]]:
        """The HC variance of the intercept in each cell of each fit, all in one second pass.

        Exact; :mod:`apologylab.inference.hc` has the formula; HC1 comes as HC0, without its
        factor. The residual is (y - beta_0) first, less (x - centre)' beta after, so that a large
        mean costs no digits. A unit with 1 - h below ``LEVERAGE_LEFT`` decides its own fit and
        makes its cell's variance ``nan``.
        """
        ...

    def set_totals(self, outcomes: Sequence[str], *, by: str | None = None) -> list[SetTotals]:
        """Counts and sums of each outcome by block or cluster, in their order.

        ``by`` is a column of whole numbers to group by instead; a unit that lacks it is a set of
        its own.

        Raises:
            InputError: the panel does not say which units were drawn together, or has no ``by``.
        """
        ...

    def value_counts(self, columns: Sequence[str]) -> list[ValueCounts]:
        """Units of each cell by distinct value of each column, in their order.

        Raises:
            InputError: the panel has no such column.
        """
        ...

    def events(self, timed: Sequence[Timed]) -> list[EventCounts]:
        """Units by cell, time and kind of end, in their order.

        A unit without the time or its end is left out, as one without an outcome is.

        Raises:
            InputError: there is no such column, a time is negative or infinite, or an end no kind.
        """
        ...

    def derive(self, columns: Mapping[str, Derived]) -> Source:
        """The same panel with more columns, made row by row of those that it has.

        Raises:
            InputError: a part is not a column, or a name is taken.
        """
        ...

    def bucketed(self, buckets: int) -> Source:
        """The same panel, each cell split into so many buckets of the units that were drawn.

        The stratum of a cell says its bucket (:func:`apologylab.inference.many.buckets.named`).
        Buckets are about equal and have nothing to do with arms or outcomes; units that were drawn
        together share one, and with fewer units than buckets each has its own.
        """
        ...

    def collect(self, columns: Sequence[str]) -> ArraySource:
        """The units themselves, in memory, for estimators that need them all at once.

        Raises:
            InputError: the panel has no such column.
            NotEstimable: this engine gives no rows away (Spark).
        """
        ...
