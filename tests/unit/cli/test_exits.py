import pytest

from apologylab import errors
from apologylab.cli import exits


def tree(kind):
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in tree(child))]


def test_every_error_has_its_row_and_no_row_is_left_over():
    ours = {kind for kind in tree(errors.ApologylabError) if kind.__module__ == errors.__name__}
    assert set(exits.CODES) == ours


def test_the_docstring_draws_the_whole_tree():
    for kind in tree(errors.ApologylabError):
        assert kind.__name__ in (errors.__doc__ or "")


def test_no_code_is_taken_by_the_shell_or_by_usage():
    taken = {exits.DONE, exits.USAGE, exits.INTERRUPTED, exits.PIPE_CLOSED}
    assert not taken & set(exits.CODES.values())
    assert all(0 < code < 126 for code in exits.CODES.values())


@pytest.mark.parametrize("kind", tree(errors.ApologylabError), ids=lambda kind: kind.__name__)
def test_each_error_has_a_code(kind):
    assert exits.exit_code(kind("what", do="do")) == exits.CODES[kind]


def test_a_class_without_a_row_has_its_parents():
    class Closer(errors.LedgerOldError):
        pass

    assert exits.exit_code(Closer("what")) == exits.CODES[errors.LedgerOldError]
