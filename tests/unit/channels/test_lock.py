from threading import Event, Thread

from apologylab.channels.lock import turn


def test_a_turn_is_waited_for(tmp_path):
    file, waiting, order = tmp_path / "outbox" / ".turn", Event(), []

    def second():
        waiting.set()
        with turn(file):
            order.append("second")

    other = Thread(target=second)
    with turn(file):
        other.start()
        assert waiting.wait(10)
        other.join(0.2)
        assert other.is_alive()
        order.append("first")
    other.join(10)
    assert order == ["first", "second"]
