"""sslkeras: pretrain an encoder without labels and see what it is worth.

    sslkeras list [NAME]             what is installed; NAME's arguments and paper
    sslkeras train FLAGS             pretrain, or resume a run
    sslkeras evaluate FLAGS          judge a run's encoder beside its baselines
    sslkeras show FLAGS              draw what a run withheld, answered and learned
    sslkeras export FLAGS            write an encoder or word vectors for other tools
    sslkeras compare RUNS            rank runs by a metric, side by side on a page
    sslkeras doctor                  what the environment is, and what is wrong with it
    sslkeras data_dispatcher FLAGS   share out input pipelines to other machines
    sslkeras data_worker FLAGS       run input pipelines for trainers

`sslkeras COMMAND --help` lists the flags of a command.
"""

import importlib
import os
import sys
import textwrap
import traceback

from absl import app, flags

from sslkeras import notation
from sslkeras.commands import flag_table
from sslkeras.errors import SslkerasError
from sslkeras.hyperparameters import Boolean
from sslkeras.training.settings import Setting

COMMANDS = {
    "list": "sslkeras.commands.list_installed",
    "train": "sslkeras.commands.train",
    "evaluate": "sslkeras.commands.evaluate",
    "show": "sslkeras.commands.show",
    "export": "sslkeras.commands.export",
    "data_dispatcher": "sslkeras.commands.data_dispatcher",
    "data_worker": "sslkeras.commands.data_worker",
    "compare": "sslkeras.commands.compare",
    "doctor": "sslkeras.commands.doctor",
}
DEBUG = Setting("debug", False, Boolean(), "Show the traceback of an error.")
_HELP = {"--help", "-help", "-h", "--helpfull", "help"}


def flags_of(name: str) -> tuple:
    """The flags of a command as `Setting`s, in the order in which help shows them."""
    return (*importlib.import_module(COMMANDS[name]).FLAGS, DEBUG)


def run(argv=None):
    """Entry point of the command line."""
    try:
        _run(list(sys.argv if argv is None else argv))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(argv):
    if len(argv) < 2 or argv[1] in _HELP:
        print(__doc__.strip())
        return
    name = argv[1]
    if name not in COMMANDS:
        sys.exit(
            f"error: A command must be one of {', '.join(COMMANDS)}. Received: {name!r}."
            f"{notation.suggest(name, COMMANDS)} `sslkeras --help` describes them."
        )
    command, settings = importlib.import_module(COMMANDS[name]), flags_of(name)
    if _HELP & set(argv[2:]):
        print(help_text(name))
        return
    flag_table.declare(settings)
    title = f"sslkeras {name}"

    def parse(arguments):
        try:
            return flags.FLAGS(arguments)
        except flags.Error as error:
            sys.exit(f"error: {flag_table.explain(error, settings, title)}")

    def main(rest):
        # Its start-up notes say nothing a user can act on, and what goes wrong later is
        # also raised. TF_CPP_MIN_LOG_LEVEL=0 shows everything.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if flags.FLAGS.debug else "3")
        return _guarded(command, settings, title, rest[1:])

    app.run(main, argv=[title, *argv[2:]], flags_parser=parse)


def _guarded(command, settings, title, rest):
    """Runs a command; an error of ours is one message and an exit status, no traceback."""
    try:
        flag_table.check(settings, title)
        status = command.main(rest)
        sys.stdout.flush()
        return status
    except SslkerasError as error:
        if flags.FLAGS.debug:
            traceback.print_exc()
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("error: interrupted from the keyboard.", file=sys.stderr)
        return 130


def help_text(name: str) -> str:
    """What `sslkeras NAME --help` prints."""
    command = importlib.import_module(COMMANDS[name])
    lines = [command.__doc__.strip(), "", "Flags:", ""]
    for setting in flags_of(name):
        facts = f"{flag_table.allowed(setting)}; default: {flag_table.default(setting)}"
        lines.append(f"  {flag_table.spelling(setting)}")
        lines += _indented(setting.help) + _indented(f"({facts})")
    lines += [
        "  --flagfile=FILE",
        *_indented("Read flags from FILE, one a line; # begins a comment line."),
    ]
    return "\n".join(lines)


def _indented(text):
    # Neither `name(key=value)` nor --flag is torn apart.
    return textwrap.wrap(
        text, 96, initial_indent=" " * 6, subsequent_indent=" " * 6, break_on_hyphens=False
    )


if __name__ == "__main__":
    run()
