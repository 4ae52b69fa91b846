"""sslkeras data_worker: runs input pipelines for trainers, on a machine of its own.

    sslkeras data_worker --dispatcher=data0:5000 --port=5001 --host=data1

Reads the same paths as the trainers do, and sends them finished batches. Serves until SIGTERM
or Ctrl-C. Whoever reaches the port can read the data: keep it inside your own network.
"""

from absl import flags

from sslkeras.commands.positional import refuse_positional
from sslkeras.commands.serving import serve_until_told, started
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Integer, Optional, Text
from sslkeras.training.settings import Setting

FLAGS = (
    Setting(
        "dispatcher",
        None,
        Optional(Text("host:port")),
        "Where `sslkeras data_dispatcher` listens; must be given.",
    ),
    Setting("port", 0, Integer(0, 65535), "Port to listen on; 0: any free one."),
    Setting("host", "localhost", Text("a host name"), "Name by which trainers reach this machine."),
)


def main(rest):
    refuse_positional(rest, "--dispatcher=HOST:PORT")
    values = flags.FLAGS
    dispatcher = (values.dispatcher or "").removeprefix("grpc://")
    host, _, port = dispatcher.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigurationError(
            f"The dispatcher must be named as host:port. Received: {values.dispatcher!r}. Give the "
            "address that `sslkeras data_dispatcher` prints, as --dispatcher=HOST:PORT."
        )

    def make(service):
        return service.WorkerServer(
            service.WorkerConfig(
                dispatcher_address=dispatcher,
                worker_address=f"{values.host}:%port%",
                port=values.port,
                dispatcher_timeout_ms=60_000,
            )
        )

    server = started(make, f"--dispatcher={dispatcher}, --port={values.port}")  # noqa: F841
    serve_until_told(f"Data worker of grpc://{dispatcher}, reached as {values.host}")
