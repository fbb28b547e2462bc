import pytest

from apologylab.errors import LedgerBusyError, LedgerError
from apologylab.service.again import again


class Attempt:
    """Raises ``errors`` one after the other, then returns."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.calls


def test_a_busy_ledger_is_asked_again_and_the_waits_are_numbered():
    waits = []
    attempt = Attempt(LedgerBusyError("one"), LedgerBusyError("two"))
    assert again(attempt, tries=3, wait=waits.append) == 3
    assert waits == [1, 2]


@pytest.mark.parametrize("tries", [1, 2, 5])
def test_the_last_try_raises_and_nothing_waits_after_it(tries):
    waits = []
    attempt = Attempt(*[LedgerBusyError("busy")] * 9)
    with pytest.raises(LedgerBusyError):
        again(attempt, tries=tries, wait=waits.append)
    assert (attempt.calls, len(waits)) == (tries, tries - 1)


def test_any_other_error_is_no_reason_to_repeat():
    attempt = Attempt(LedgerError("disk full"))
    with pytest.raises(LedgerError, match="disk full"):
        again(attempt)
    assert attempt.calls == 1
