"""The command line's entry point: a table of commands, each loaded when it is called.

``apologylab --help`` reads the table only, so that it costs little more than importing Typer.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from apologylab.cli import exits
from apologylab.errors import ApologylabError, DeclarationError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM: Final = "apologylab"
SECTIONS: Final[dict[str, dict[str, str]]] = {
    "Begin": {
        "init": "Write apologylab.toml, the experiments folder and an empty ledger",
        "new": "Scaffold an experiment that passes check",
        "library": "Show wordings to begin with, by cause, part and language",
        "check": "Report every mistake in a declaration, with its line and what to do",
        "lint": "Find what is wrong with the words of an apology",
        "preview": "Show what every arm says, gives and when, side by side",
        "rehearse": "Send every arm to yourself, through the channels that customers get",
        "sign": "Sign off an experiment's words, or see who has",
        "schema": "Print the declaration's JSON Schema, for editors",
        "demo": "Run the whole loop over simulated riders",
        "simulate": "Make incidents, orders and contacts from a world with known truth",
    },
    "Run": {
        "start": "Start an experiment: pin its definition and open enrolment",
        "record": "Record a file of facts: incidents, orders, contacts and the like",
        "assign": "Answer recorded incidents, or draw arms for a file of units",
        "dispatch": "Hand the remedies that are due to their channel",
        "status": "Show counts, dates, checks and budget on one screen",
        "stop": "Stop an experiment: enrol no more, drain it, or kill it",
    },
    "Learn": {
        "analyse": "Estimate effects, with intervals and counts",
        "decide": "Apply the declared rule and say what to do",
        "report": "Write the page that a head of product reads",
        "causes": "Show what goes wrong, whom it hits, what it costs, and whether it grows",
        "export": "Write facts, or rows of a database, as Parquet files",
    },
    "Customers and money": {
        "explain": "Tell one customer's life with us, and what an agent may say",
        "approve": "List remedies that give much, and release or refuse them",
        "bounces": "Record which e-mails came back",
        "letters": "List dead letters, which no dispatcher tries any more; replay or end them",
        "liabilities": "Mark what was given as redeemed or expired",
        "commitments": "List what messages promised, and say what was kept",
        "revoke": "Take back what was given and not used",
        "forget": "Delete what is personal of one customer",
        "purge": "Delete texts that were kept for long enough",
    },
    "Care": {
        "doctor": "Check that everything that is needed here works",
        "audit": "List every change by hand, and check that none is missing",
        "migrate": "Bring an older ledger to this version's schema",
    },
}
"""What ``--help`` shows: heading -> command -> its one line."""
COMMANDS: Final[dict[str, str]] = {
    name: line for section in SECTIONS.values() for name, line in section.items()
}
"""Command -> its one line. The function stands in ``cli/commands/<command>.py``."""


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code (the table is :mod:`apologylab.cli.exits`)."""
    _open_stdout()
    try:
        code = _run(list(sys.argv[1:] if args is None else args))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.PIPE_CLOSED
    return code


def _open_stdout() -> None:
    """Whatever the locale says, what was done can be told: files and pipes get UTF-8."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for good
    elif isinstance(sys.stdout, TextIOWrapper):
        encoding = None if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="replace")


def group() -> TyperGroup:
    """All commands as one Click group, none of them loaded."""
    app = typer.Typer(rich_markup_mode=None, cls=_LazyGroup, add_completion=True)
    app.callback()(_root)
    made = get_command(app)
    assert isinstance(made, TyperGroup)
    return made


def load(name: str) -> Any:
    """The Click command ``name``, from its module."""
    function = getattr(import_module(f"apologylab.cli.commands.{name}"), name)
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(name)(function)
    return get_command(app)


class _LazyGroup(TyperGroup):
    """A group whose names come from the table and whose commands load when called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": dict.fromkeys(COMMANDS)})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - Typer's signature
        return load(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the same
        widest = max(map(len, COMMANDS))
        for heading, commands in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(widest), line) for name, line in commands.items()])


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's signature for a callback
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"{PROGRAM} {version(PROGRAM)}\n")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    """Randomise how a company says sorry, and learn which apologies are worth their cost.

    Begin with `apologylab init`, then `apologylab new NAME`; `apologylab demo` shows the whole
    loop. NAME is an experiment's name, its folder or its file.
    """


def _run(args: list[str]) -> int:
    try:
        _refuse_undecoded(args)
        return _invoke(args or ["--help"])
    except (KeyboardInterrupt, typer.Abort):
        _say("interrupted")
        return exits.INTERRUPTED
    except ApologylabError as error:
        _explain(error)
        return exits.exit_code(error)
    except BrokenPipeError:
        raise
    except OSError as error:
        _say(f"error: {error.filename or 'the system'}: {error.strerror}")
        _trace()
        return exits.CODES[InputError]
    except Exception as error:  # noqa: BLE001 - the last fence: a person gets a sentence
        _apologise(error)
        return exits.UNEXPECTED


def _refuse_undecoded(args: list[str]) -> None:
    """Bytes that are no UTF-8 arrive as half surrogates, and could be neither stored nor shown."""
    for arg in args:
        if any("\ud800" <= letter <= "\udfff" for letter in arg):
            raise InputError(f"{arg!a} is not UTF-8 text", do="write it, or rename the file")


def _invoke(args: list[str]) -> int:
    commands = group()
    if os.environ.get(f"_{PROGRAM.upper()}_COMPLETE"):
        commands.main(args, prog_name=PROGRAM)
    try:
        with commands.make_context(PROGRAM, args) as context:
            commands.invoke(context)
    except typer.Exit as leave:
        return leave.exit_code
    except typer.TyperException as misuse:
        from apologylab.cli.misuse import told

        _say(f"error: {told(misuse, args, COMMANDS)}")
        return exits.USAGE
    return exits.DONE


def _explain(error: ApologylabError) -> None:
    _say(f"error: {error}")
    if isinstance(error, DeclarationError):
        for finding in error.findings:
            line = f" (line {finding.line})" if finding.line else ""
            _say(f"  {finding.path}{line}: {finding.what}: {finding.do}")
    _trace()


def _apologise(error: Exception) -> None:
    _say(f"error: {type(error).__name__}: {error}")
    _say("This is a fault in apologylab, not in what you typed. To report it, run the same")
    _say("command with APOLOGYLAB_DEBUG=1 and add what `apologylab doctor --json` prints.")
    _trace()


def _trace() -> None:
    if os.environ.get("APOLOGYLAB_DEBUG"):
        import traceback

        traceback.print_exc()


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
