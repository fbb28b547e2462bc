"""World ``uber_2017``: late rides and apologies, after Halperin, Ho, List and Muir.

Calibrated to what the paper and its authors made public; the coefficient table, standard errors
and arm sizes are not known to us, so every other number is an assumption and says so. No effect
was chosen to make an arm win or lose.
"""

from __future__ import annotations

from apologylab.simulation.world import ASSUMPTION, Row, World, from_table

REPORTS = "secondary reports of Halperin, Ho, List, Muir 2022"
INTERVIEW = "author interview about Halperin, Ho, List, Muir 2022"


def _row(name: str, value: float, unit: str, note: str, source: str = ASSUMPTION) -> Row:
    return Row(name=name, value=value, unit=unit, source=source, note=note)


TABLE = (
    _row("orders_84d", 2.5, "orders per rider in 84 days", "riders hit by a late ride, before it"),
    _row(
        "rate_shape", 0.7, "gamma shape", "spread of riders' rates; makes spend skewed, many at 0"
    ),
    _row("basket_mean", 14.0, "USD", "list price of a ride"),
    _row("basket_cv", 0.6, "ratio", "spread of the price of a ride; lognormal"),
    _row("tenure_days", 600.0, "days", "mean time since the first ride; exponential"),
    _row("lapse_share", 0.10, "share", "riders who stop for reasons of their own"),
    _row(
        "harm",
        0.075,
        "relative change",
        "fewer rides after a late one: middle of 5 to 10%",
        REPORTS,
    ),
    _row("worst_share", 0.10, "share", "the latest tenth counts as the worst"),
    _row("worst_lost", 0.05, "share", "of the worst hit, never ride again", INTERVIEW),
    _row("late_mean", 6.0, "minutes", "mean lateness beyond ten minutes; exponential"),
    _row("second_late_84d", 0.15, "share", "riders with a second late ride within 84 days"),
    _row("effect.basic", 0.0, "relative change", "between the good and the bad apology"),
    _row("effect.status", 0.015, "relative change", "good apology: middle of 1 to 2%", INTERVIEW),
    _row(
        "effect.commitment", 0.015, "relative change", "good until the promise is broken", INTERVIEW
    ),
    _row("effect.usd5", 0.02, "relative change", "more than words: top of their 1 to 2%"),
    _row(
        "broken_promise",
        -0.35,
        "relative change",
        "orders after a second late ride under a promise: brings the 84-day mean to -1 to -2%",
    ),
    _row("effect_half_life", 28.0, "days", "an apology's effect fades; its 84-day mean stands"),
    _row("abroad_share", 0.03, "share", "late rides outside the US"),
    _row("refunded_share", 0.02, "share", "already refunded when the incident arrives"),
    _row("abuse_share", 0.005, "share", "flagged for abuse of refunds"),
    _row("no_consent_share", 0.02, "share", "riders who do not take service messages"),
    _row("unreachable_share", 0.02, "share", "addresses that bounce: the remedy never arrives"),
    _row("redeem_share", 0.5, "share", "riders who use a coupon at their next ride in 60 days"),
    _row("contacts_28d", 0.05, "contacts per rider in 28 days", "complaints about the late ride"),
    _row("contact_delay", 5.0, "days", "mean time until a complaint; exponential"),
    _row("words_spare_contacts", 0.10, "share", "of complaints that any apology spares"),
    _row("goodwill_share", 0.20, "share", "of complaints that an agent answers with a credit"),
    _row("goodwill_amount", 3.0, "USD", "that credit, in any arm"),
)


def uber_2017() -> World:
    """The world of the Uber experiment.

    >>> uber_2017().effects["status"]
    0.015
    """
    return from_table("uber_2017", "USD", TABLE)
