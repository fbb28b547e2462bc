"""``apologylab.lint``: what is wrong with a wording, from Python."""

from __future__ import annotations

from collections.abc import Collection

from apologylab.remedy.lint.flaw import Flaw


class Flaws(tuple[Flaw, ...]):
    """Findings in the order they are read; printed, one a paragraph."""

    __slots__ = ()

    def __str__(self) -> str:
        """Each finding on lines of its own."""
        if not self:
            return "nothing found"
        return "\n".join(
            f"{each.severity}: {each.rule} at {each.start}-{each.end}: {each.words!r}\n"
            f"  {each.why}" + (f"\n  better: {each.better}" if each.better else "")
            for each in self
        )

    __repr__ = __str__


def lint(
    text: str,
    locale: str = "en",
    fault: str | Collection[str] | None = None,
    *,
    promised: bool = False,
    formality: str | None = None,
) -> Flaws:
    """What the rules of a language find in ``text``, a plain text or a fragment.

    A fragment is rendered with sample values, and without those that may be missing.

    Args:
        text: what a customer would read.
        locale: its language, such as ``de`` or ``pt-BR``.
        fault: whose fault the incident may be: company, third_party, customer, unknown; one or
            several. Responsibility for what may be another's fault is an error.
        promised: a commitment stands behind what it promises, so it may promise much.
        formality: how the brand addresses its customers, where it is not as the language expects.

    Raises:
        NotFoundError: the language has no rules.
        InputError: the text is empty or too long, or a fault is unknown.

    >>> lint("We are sorry if you were offended.")
    error: conditional_apology at 7-15: 'sorry if'
      an if or a may takes the apology back: we know what happened, or we ask
      better: We are sorry that we lost your parcel.
    error: blames_feelings at ...
    """
    from apologylab.catalogue.locales import language
    from apologylab.service.worded import Worded, judged, refuse_text

    refuse_text(text, where="the text")
    faults = (fault,) if isinstance(fault, str) else tuple(fault or ())
    found = judged(
        Worded(text=text, locale=locale, file="-"),
        language(locale),
        faults=faults,
        promised=promised,
        formality=formality,
    )
    return Flaws(found.flaws)
