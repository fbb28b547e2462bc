"""What a panel in DuckDB keeps in memory, and when it is read again."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from apologylab.inference.derived import Capped
from apologylab.inference.moments import Request, cell_means
from apologylab.warehouse import gather
from apologylab.warehouse.moments import DuckSource

ARMS = 40
REQUEST = Request("y", ("x",))


@pytest.fixture
def source():
    rng = np.random.default_rng(1)
    y, x = rng.normal(size=(2, 4_000))
    arm = [f"arm{i % ARMS}" for i in range(4_000)]
    connection = duckdb.connect()
    connection.register("units", pa.table({"arm": arm, "y": y, "x": x + 1e6}))
    connection.execute("CREATE TABLE panel AS FROM units")
    return DuckSource(connection=connection, relation="panel", columns=frozenset({"arm", "y", "x"}))


def spoilt(source):
    """From here on, whoever scans the panel is seen."""
    source.connection.execute("DROP TABLE panel")


def test_what_is_held_is_not_read_again(source):
    (first,) = source.moments([REQUEST])
    spoilt(source)
    (again,) = source.moments([REQUEST])
    np.testing.assert_array_equal(first.products, again.products)
    with pytest.raises(duckdb.Error):
        source.moments([Request("x", ("y",)), Request("y", ("x",))])


def test_a_derived_panel_knows_what_was_held(source):
    (first,) = source.moments([REQUEST])
    derived = source.derive({"z": Capped(of="y", high=0.0)})
    spoilt(source)
    np.testing.assert_array_equal(derived.moments([REQUEST])[0].sums, first.sums)
    with pytest.raises(duckdb.Error):
        derived.moments([Request("z", ("x",))])


def test_a_panel_that_does_not_fit_is_not_held(source, monkeypatch):
    (held,) = source.moments([REQUEST])
    monkeypatch.setattr(gather, "HELD", 8)
    source.held = None
    (streamed,) = source.moments([REQUEST])
    assert source.held is not None
    assert source.held.slabs == []
    np.testing.assert_allclose(streamed.products, held.products, rtol=1e-12)


def test_columns_far_from_0_are_shifted_and_many_arms_joined(source):
    (found,) = source.moments([REQUEST])
    assert len(found.cells) == ARMS > gather.LISTED
    assert found.shift[0] == 0.0
    assert found.shift[1] == pytest.approx(1e6, abs=1.0)
    assert cell_means(found)[:, 1] == pytest.approx(1e6, abs=1.0)


def test_covariates_that_units_lack_are_told_while_gathering(source):
    source.connection.execute("UPDATE panel SET x = NULL WHERE arm = 'arm7'")
    assert source.lacked(["y"], ["x"]) == ["x"]
    spoilt(source)
    assert source.lacked(["y"], ["x"]) == ["x"]


def test_work_ahead_keeps_its_order_and_raises_what_is_raised():
    assert list(gather.ahead(lambda x: x * x, range(20))) == [x * x for x in range(20)]
    with pytest.raises(ZeroDivisionError):
        list(gather.ahead(lambda x: 1 / x, [1, 0, 1]))
