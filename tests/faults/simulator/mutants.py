"""Mutants, made mechanically: what keeps the ledger whole is taken away, one piece at a time.

A mutant of code is a place in a syntax tree and what becomes of it; the module is compiled from the
changed tree when it is imported. A mutant of a lock takes a sort of lock from the interleaved
ledger, as a dropped constraint would; a mutant of a commit moves it behind the next port call.
"""

from __future__ import annotations

import ast
import copy
import sys
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path

import apologylab

SOURCES = Path(apologylab.__file__).parent
CODE = {
    "interleaved": (
        "service/assign.py",
        "service/budget.py",
        "service/claiming.py",
        "service/ending.py",
        "service/forget.py",
        "service/handing.py",
        "service/letters.py",
        "service/liabilities.py",
        "service/recording.py",
        "service/reporting.py",
        "service/retrying.py",
        "service/revoking.py",
        "service/settling.py",
        "service/start.py",
        "storage/memory.py",
        "storage/memory_queue.py",
    ),
    "sqlite": (
        "storage/charges.py",
        "storage/money.py",
        "storage/one_writer.py",
        "storage/queue.py",
        "storage/statements.py",
        "storage/transaction.py",
    ),
}
"""Mode that shows a mutant -> the files that are mutated."""
WRITES = (
    "assign",
    "budget",
    "claiming",
    "handing",
    "memory",
    "memory_queue",
    "retrying",
    "settling",
)
"""Where conditional writes are written in Python: their guards are dropped, too."""
QUEUE = ("claiming", "memory", "memory_queue", "retrying", "settling")
"""Where parts of such conditions are."""
SORTS = ("name", "fact", "text", "queue", "budget", "counter", "writer")


@dataclass(frozen=True)
class Mutant:
    """One change; ``line`` is 0 where it is none of one line."""

    mode: str
    where: str
    line: int
    sort: str
    what: str
    number: int = 0

    @property
    def name(self):
        return f"{self.where}:{self.line}:{self.sort}:{self.number}"

    @property
    def place(self):
        """A name without its line, which every edit above it moves."""
        return f"{self.where}|{self.sort}|{self.what}"


def mutants():
    """All of them, in the order of the files."""
    found = [
        each for mode, files in CODE.items() for file in files for each in _of_file(mode, file)
    ]
    locks = [
        Mutant("interleaved", "the database", 0, "unlocked", f"no lock of sort {sort}", number)
        for number, sort in enumerate(SORTS)
    ]
    commits = [
        Mutant("interleaved", file, line, "late commit", f"commit of {name} after the next call")
        for file, line, name in _transactions()
    ]
    return [*found, *locks, *commits]


def _of_file(mode, file):
    tree = ast.parse((SOURCES / file).read_text(encoding="utf-8"))
    for number, (node, sort, changed) in enumerate(_changes(tree)):
        if Path(file).stem not in CLOSER.get(sort, (Path(file).stem,)):
            continue
        what = f"{_short(node)} -> {_short(changed)}"
        yield Mutant(mode, file, node.lineno, sort, what, number)


def _short(node):
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else f"{text[:87]}..."


def _changes(tree):
    """(node, sort, what becomes of it) for every place that has a change, in order."""
    for node in ast.walk(tree):
        for sort, change in OPERATORS.items():
            for changed in change(node):
                yield node, sort, ast.copy_location(changed, node)


def _is_call_of_work(node):
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return False
    call = node.value
    of_work = isinstance(call.func, ast.Attribute) and _is_work(call.func.value)
    return of_work or any(_is_work(each) for each in call.args)


def _is_work(node):
    if isinstance(node, ast.Attribute):
        return node.attr == "_connection"
    return isinstance(node, ast.Name) and node.id in {"work", "connection"}


def _drop_call(node):
    """A call on the transaction whose answer nobody uses: lock, append, seal, release ..."""
    if _is_call_of_work(node):
        yield ast.Pass()


def _drop_guard(node):
    """``if ...: raise`` and the like."""
    leaves = ast.Raise | ast.Return | ast.Continue
    if isinstance(node, ast.If) and not node.orelse and isinstance(node.body[-1], leaves):
        yield ast.Pass()


def _drop_where(node):
    """One condition of a WHERE."""
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    if is_call and node.func.attr == "where":
        for place in range(len(node.args)):
            kept = node.args[:place] + node.args[place + 1 :]
            yield ast.Call(func=node.func, args=kept, keywords=node.keywords)


def _drop_filter(node):
    """One condition of a comprehension."""
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        for place, generator in enumerate(node.generators):
            for condition in range(len(generator.ifs)):
                changed = copy.deepcopy(node)
                del changed.generators[place].ifs[condition]
                yield changed


def _drop_part(node):
    """One part of a conjunction or of an alternative."""
    if isinstance(node, ast.BoolOp):
        for place in range(len(node.values)):
            kept = node.values[:place] + node.values[place + 1 :]
            yield kept[0] if len(kept) == 1 else ast.BoolOp(op=node.op, values=kept)


def _drop_again(node):
    """Do it once only, however busy the ledger is."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "again":
        yield ast.Call(func=node.args[0], args=[], keywords=[])


def _unlock(node):
    """Look at a budget without its lock."""
    is_locked = isinstance(node, ast.keyword) and node.arg == "locked"
    if is_locked and not (isinstance(node.value, ast.Constant) and node.value.value is False):
        yield ast.keyword(arg="locked", value=ast.Constant(value=False))


OPERATORS = {
    "call dropped": _drop_call,
    "guard dropped": _drop_guard,
    "where dropped": _drop_where,
    "filter dropped": _drop_filter,
    "part dropped": _drop_part,
    "again dropped": _drop_again,
    "unlocked": _unlock,
}
CLOSER = {"guard dropped": WRITES, "part dropped": QUEUE, "filter dropped": QUEUE}
"""Sort of change -> the only files that it is made in."""


def _transactions():
    """(file, line, function) of every ``with ledger.transaction(...)`` of the service."""
    for file in CODE["interleaved"]:
        if not file.startswith("service/"):
            continue
        found = {}
        for function in ast.walk(ast.parse((SOURCES / file).read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                found |= dict.fromkeys(_begins(function), function.name)
        yield from ((file, line, name) for line, name in sorted(found.items()))


def _begins(function):
    """The lines at which ``function``, or one inside it, begins a transaction."""
    for node in ast.walk(function):
        if isinstance(node, ast.With) and ".transaction(" in ast.unparse(node.items[0]):
            yield node.lineno


def become(mutant):
    """Make this process the mutant; before anything of what changes is imported."""
    if mutant.sort == "late commit":
        from simulator import faulty

        faulty.LATE.add((str(SOURCES / mutant.where), mutant.line))
    elif mutant.where == "the database":
        from simulator import interleaved

        interleaved.LACKING.add(SORTS[mutant.number])
    else:
        sys.meta_path.insert(0, _Changed(mutant))


class _Changed(MetaPathFinder, Loader):
    """Finds the mutated module, and compiles it from its changed tree."""

    def __init__(self, mutant):
        self._mutant = mutant
        self._module = "apologylab." + mutant.where.removesuffix(".py").replace("/", ".")

    def find_spec(self, name, path, target=None):
        del path, target
        return ModuleSpec(name, self) if name == self._module else None

    def exec_module(self, module):
        source = SOURCES / self._mutant.where
        tree = ast.parse(source.read_text(encoding="utf-8"))
        nodes = list(_changes(tree))
        old, _, new = nodes[self._mutant.number]
        tree = ast.fix_missing_locations(_Replace(old, new).visit(tree))
        module.__file__ = str(source)
        exec(compile(tree, str(source), "exec"), module.__dict__)  # that is the mutant


class _Replace(ast.NodeTransformer):
    def __init__(self, old, new):
        self._old, self._new = old, new

    def visit(self, node):
        return self._new if node is self._old else self.generic_visit(node)
