"""sslkeras: pretrain an encoder without labels and see what it is worth.

    sslkeras list [NAME]       what is installed; NAME's arguments and paper
    sslkeras train FLAGS       pretrain, or resume a run
    sslkeras evaluate FLAGS    judge a run's encoder beside its baselines
    sslkeras show FLAGS        draw what a run withheld, answered and learned

`sslkeras COMMAND --help` lists the flags of a command.
"""

import importlib
import os
import sys
import textwrap
import traceback

from absl import app, flags

from sslkeras import notation
from sslkeras.errors import SslkerasError

COMMANDS = {
    "list": "sslkeras.commands.list_installed",
    "train": "sslkeras.commands.train",
    "evaluate": "sslkeras.commands.evaluate",
    "show": "sslkeras.commands.show",
}
_HELP = {"--help", "-help", "-h", "--helpfull", "help"}


def run(argv=None):
    """Entry point of the command line."""
    argv = list(sys.argv if argv is None else argv)
    if len(argv) < 2 or argv[1] in _HELP:
        print(__doc__.strip())
        return
    name = argv[1]
    if name not in COMMANDS:
        sys.exit(
            f"error: A command must be one of {', '.join(COMMANDS)}. Received: {name!r}."
            f"{notation.suggest(name, COMMANDS)} `sslkeras --help` describes them."
        )
    # TensorFlow's start-up notes say nothing a user of a command can act on.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    command = importlib.import_module(COMMANDS[name])
    names = command.define_flags()
    flags.DEFINE_bool("debug", False, "Show the traceback of an error.")
    if _HELP & set(argv[2:]):
        _print_help(command, [*names, "debug"])
        return
    app.run(
        lambda rest: _guarded(command.main, rest[1:]),
        argv=[f"sslkeras {name}", *argv[2:]],
        flags_parser=_parse,
    )


def _parse(argv):
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        sys.exit(f"error: {error} `{argv[0]} --help` lists the flags.")


def _guarded(main, rest):
    """Runs a command; an error of ours is one message and an exit status, no traceback."""
    try:
        return main(rest)
    except SslkerasError as error:
        if flags.FLAGS.debug:
            traceback.print_exc()
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("error: interrupted from the keyboard.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _print_help(command, names):
    print(command.__doc__.strip() + "\n\nFlags:\n")
    for name in names:
        flag = flags.FLAGS[name]
        print(f"  --{name}  (default: {flag.default_as_str or None})")
        print(textwrap.fill(flag.help, 96, initial_indent="      ", subsequent_indent="      "))
    print("\n  --flagfile=FILE\n      Reads flags from FILE, one a line; # begins a comment.")


if __name__ == "__main__":
    run()
