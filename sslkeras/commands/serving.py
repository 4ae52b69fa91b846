"""Starting a server and keeping it until it is told to end."""

import signal
import threading

from sslkeras.errors import ConfigurationError


def started(make, given):
    """The server that `make(tf.data.experimental.service)` starts.

    Raises:
        ConfigurationError: If it cannot start, for instance on a port that is in use.
    """
    import tensorflow as tf

    try:
        return make(tf.data.experimental.service)
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigurationError(
            f"The server must be able to start. Received: {given} ({reason}). Choose a free port, "
            "and see that the dispatcher runs and answers."
        ) from error


def serve_until_told(message):
    """Prints `message`, then returns at SIGTERM; Ctrl-C raises KeyboardInterrupt as ever."""
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    print(message, flush=True)
    while not told.wait(1.0):
        pass
