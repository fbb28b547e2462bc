"""Rules about what each kind of compensation needs, and what makes no sense of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from apologylab.design.arms import arms
from apologylab.design.faces import AT_ONCE, CHOICE
from apologylab.design.findings.finding import Finding, Rule, at, each
from apologylab.design.remedies import Compensation

if TYPE_CHECKING:
    from apologylab.design.experiment import Experiment
    from apologylab.design.money import Money

WITH_BASKET: Final = ("coupon", "credit")
WITH_CODE: Final = ("coupon", "credit", "points")
_OF_SHARES: Final = ("of", "round_to", "at_least", "at_most")


@each(lambda experiment: experiment.compensation, "compensation")
def one_value(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """Its value is said once: as an amount, as a share, or by market."""
    del experiment
    if given.kind == CHOICE:
        return
    said = [key for key in ("value", "share") if getattr(given, key) is not None]
    said += ["by_market"] if len(given.by_market) and given.share is None else []
    if not said:
        yield Finding(
            path=f"{path}.value",
            what="is missing: nothing says what it is worth",
            do='add value = "5.00 USD"; or share, of and at_most; or by_market',
            related=(f"{path}.kind", f"{path}.share", f"{path}.by_market"),
        )
    elif len(said) > 1:
        yield Finding(
            path=f"{path}.{said[1]}",
            what=f"says again what it is worth: {said[0]} does, too",
            do="delete one of the two",
            related=(f"{path}.{said[0]}",),
        )


@each(lambda experiment: experiment.compensation, "compensation")
def share_is_bounded(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """A share says of which field, and has a cap that the budget can hold room for."""
    del experiment
    if given.share is None:
        for key in _OF_SHARES:
            if getattr(given, key) is not None:
                yield _needless(
                    f"{path}.{key}", "is of a share, and there is none", f"{path}.share"
                )
        return
    if given.of is None:
        yield Finding(
            path=f"{path}.of",
            what="is missing: a share of what?",
            do='name the incident\'s money field in minor units, like of = "order_minor"',
            related=(f"{path}.share",),
        )
    if given.at_most is None and not len(given.by_market):
        yield Finding(
            path=f"{path}.at_most",
            what="is missing: the budget cannot hold room for a share without a cap",
            do='add at_most = "AMOUNT"; or by_market, with the cap of each market',
            related=(f"{path}.share", f"{path}.by_market"),
        )
    if given.kind == "refund" and given.share > 1:
        yield Finding(
            path=f"{path}.share",
            value=given.share,
            what="gives back more than was paid",
            do="write at most 1.0; what goes beyond a refund is a credit",
            related=(f"{path}.kind",),
        )


@each(lambda experiment: experiment.compensation, "compensation")
def bounds_in_order(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """The least of a share, and the step it is rounded to, are no more than its cap."""
    del experiment
    if len(given.by_market):
        for key in ("round_to", "at_least", "at_most"):
            if getattr(given, key) is not None:
                what = "is in one currency, and by_market has the caps of several"
                yield _needless(f"{path}.{key}", what, f"{path}.by_market")
        return
    for key in ("round_to", "at_least"):
        amount: Money | None = getattr(given, key)
        cap = given.at_most
        if amount is None or cap is None or amount.currency != cap.currency:
            continue
        if amount.amount > cap.amount:
            yield Finding(
                path=f"{path}.{key}",
                value=str(amount),
                what=f"is more than at_most ({cap})",
                do="lower it, or raise at_most",
                related=(f"{path}.at_most",),
            )


@each(lambda experiment: experiment.compensation, "compensation")
def points_counted(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """Points say how many, and nothing else has points."""
    del experiment
    if given.kind == "points" and given.points is None:
        yield Finding(
            path=f"{path}.points",
            what="is missing: how many?",
            do="add points = 500; value says what they are worth",
            related=(f"{path}.kind",),
        )
    if given.kind == "points" and given.share is not None:
        what = "cannot be: so many points are worth the same to everybody"
        yield _needless(f"{path}.share", what, f"{path}.kind")
    if given.kind != "points" and given.points is not None:
        yield _needless(f"{path}.points", f"is of kind points, not {given.kind}", f"{path}.kind")


@each(lambda experiment: experiment.compensation, "compensation")
def expiry_makes_sense(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """What is given for good when it leaves does not expire; a choice must."""
    del experiment
    if given.kind in AT_ONCE and given.expires_days is not None:
        what = f"makes no sense of a {given.kind}, which is given for good when it leaves"
        yield _needless(f"{path}.expires_days", what, f"{path}.kind")
    if given.kind == CHOICE and given.expires_days is None:
        yield Finding(
            path=f"{path}.expires_days",
            what="is missing: until when can the customer choose?",
            do="add expires_days = 14; unchosen says what is given then, if anything",
            related=(f"{path}.kind",),
        )


@each(lambda experiment: experiment.compensation, "compensation")
def basket_makes_sense(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """Only what is used on an order asks for a least order."""
    del experiment
    if given.minimum_basket is not None and given.kind not in WITH_BASKET:
        what = f"makes no sense of a {given.kind}, which no order uses"
        yield _needless(f"{path}.minimum_basket", what, f"{path}.kind")


@each(lambda experiment: experiment.compensation, "compensation")
def choice_has_no_value(
    experiment: Experiment, path: str, given: Compensation
) -> Iterator[Finding]:
    """A choice is worth what is chosen, and only a choice has a menu."""
    del experiment
    if given.kind != CHOICE:
        for key, found in (("menu", len(given.menu)), ("unchosen", given.unchosen)):
            if found:
                yield _needless(f"{path}.{key}", "is of kind choice", f"{path}.kind")
        return
    own = ("value", "share", "of", "round_to", "at_least", "at_most", "points", "minimum_basket")
    said = [key for key in own if getattr(given, key) is not None]
    said += ["by_market"] if len(given.by_market) else []
    said += ["cost_share"] if given.cost_share != 1 else []
    for key in said:
        what = "makes no sense of a choice: what is chosen has its own"
        yield _needless(f"{path}.{key}", what, f"{path}.kind")


@each(lambda experiment: experiment.compensation, "compensation")
def menu_known(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """A menu has two or more declared compensations, none of them a choice itself."""
    if given.kind != CHOICE:
        return
    if len(given.menu) < 2:
        yield Finding(
            path=f"{path}.menu",
            what=f"has {len(given.menu)} entries: there is nothing to choose",
            do="name two or more compensations",
            related=(f"{path}.kind",),
        )
    every = experiment.compensation
    for place, name in enumerate(given.menu):
        is_choice = name in every and every[name].kind == CHOICE
        if name not in every or is_choice:
            yield Finding(
                path=at("compensation", path.rpartition(".")[2], "menu", place),
                value=name,
                what="is a choice itself" if is_choice else "is not declared under [compensation]",
                do=f"name some of: {', '.join(n for n in every if every[n].kind != CHOICE)}",
                related=(f"{path}.kind", "compensation"),
            )
    if given.unchosen is not None and given.unchosen not in given.menu:
        yield Finding(
            path=f"{path}.unchosen",
            value=given.unchosen,
            what="is not on the menu",
            do=f"name one of: {', '.join(given.menu)}; or delete it: then nothing is given",
            related=(f"{path}.menu",),
        )


def _needless(path: str, what: str, because: str) -> Finding:
    return Finding(path=path, what=what, do="delete it", related=(because,))


@each(lambda experiment: experiment.compensation, "compensation")
def issued_kinds(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """Only what is used by a code is issued, and by us only what we deliver."""
    if given.issuer is None:
        return
    if given.kind not in WITH_CODE:
        yield Finding(
            path=f"{path}.issuer",
            value=given.issuer,
            what=f"a {given.kind} has no code to be issued",
            do=f"delete it, or give one of {', '.join(WITH_CODE)}",
            related=(f"{path}.kind",),
        )
    elif experiment.delivery.by == "caller":
        yield Finding(
            path=f"{path}.issuer",
            value=given.issuer,
            what='has no effect: by = "caller" leaves the sending, and the issuing, to the caller',
            do="delete it",
            related=("delivery.by",),
        )


@each(lambda experiment: experiment.compensation, "compensation")
def issued_alone(experiment: Experiment, path: str, given: Compensation) -> Iterator[Finding]:
    """A remedy has one code, issued before it leaves: not one of several, and none of a menu."""
    if given.issuer is None:
        return
    name, every = path.rpartition(".")[2], experiment.compensation
    levels = [set(arm.levels.values()) for arm in arms(experiment)]
    beside = sorted({level for of in levels if name in of for level in of & set(every)})
    for other in (found for found in beside if found != name):
        yield Finding(
            path=f"{path}.issuer",
            value=given.issuer,
            what=f"an arm gives it together with {other}, and one code is issued for one gift",
            do="delete it and issue both yourself, or exclude that combination",
            related=("factors", "arms"),
        )
    for other in (found for found in every if name in every[found].menu):
        yield Finding(
            path=f"{path}.issuer",
            value=given.issuer,
            what=f"is issued before the remedy leaves, and {other} is chosen from afterwards",
            do="delete it, and issue what was chosen when you record the choice",
            related=(f"compensation.{other}.menu",),
        )


RULES: tuple[Rule, ...] = (
    issued_alone,
    issued_kinds,
    one_value,
    share_is_bounded,
    bounds_in_order,
    points_counted,
    expiry_makes_sense,
    basket_makes_sense,
    choice_has_no_value,
    menu_known,
)
