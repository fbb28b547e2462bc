"""What a world cannot tell the truth about is refused, with what to do."""

import pytest

from apologylab.errors import InputError
from apologylab.simulation.truth import futures_by_arm
from apologylab.wire.declaration import read

USD5 = '[compensation.usd5]\nkind = "coupon"\nvalue = "5.00 USD"\nexpires_days = 14\n'


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ('kind = "refund"\nvalue = "5.00 USD"', "given as a refund"),
        ('kind = "coupon"\nshare = 0.1\nof = "fare"\nat_most = "5.00 USD"', "by share or market"),
        ('kind = "coupon"\nvalue = "5.00 USD"\nminimum_basket = "9.00 USD"', "minimum_basket"),
    ],
)
def test_it_is_refused(loop, keys, why):
    experiment = read(loop.DECLARATION.replace(USD5, f"[compensation.usd5]\n{keys}\n"), where="t")
    with pytest.raises(InputError, match=why) as refused:
        futures_by_arm(None, experiment, None, None)
    assert "coupon with a value" in refused.value.do
