"""sslkeras data_dispatcher: shares out the input pipelines of trainers to data workers.

    sslkeras data_dispatcher --port=5000
    sslkeras data_worker --dispatcher=localhost:5000 --port=5001
    sslkeras train --data_service=grpc://localhost:5000 ...

Prints its address and serves until SIGTERM or Ctrl-C. Whoever reaches the port can have
programs run by the data workers: keep it inside your own network.
"""

from absl import flags

from sslkeras.commands.positional import refuse_positional
from sslkeras.commands.serving import serve_until_told, started
from sslkeras.hyperparameters import Integer, Optional, Text
from sslkeras.training.settings import Setting

FLAGS = (
    Setting("port", 5000, Integer(0, 65535), "Port to listen on; 0: any free one."),
    Setting(
        "folder",
        None,
        Optional(Text("a folder")),
        "Where to remember the jobs, so that a restarted dispatcher goes on; None: nowhere.",
    ),
)


def main(rest):
    refuse_positional(rest, "--port=5000")
    values = flags.FLAGS

    def make(service):
        return service.DispatchServer(
            service.DispatcherConfig(
                port=values.port,
                work_dir=values.folder,
                fault_tolerant_mode=values.folder is not None,
            )
        )

    server = started(make, f"--port={values.port}")
    port = server.target.rpartition(":")[2]
    serve_until_told(f"Dispatcher: grpc://localhost:{port} (elsewhere, this machine's name)")
