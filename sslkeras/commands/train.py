"""sslkeras train: pretrains an encoder on a surrogate task, or resumes a run.

    sslkeras train --task=denoising_autoencoder --dataset=digits --encoder=convnet \\
        --epochs=20 --output=runs/first
    sslkeras train --flagfile=plugins/autoencoding/recipes/denoising_autoencoder_digits.flags

Exit status: 0 done, 1 an error, 75 interrupted by SIGTERM and saved.
"""

from absl import flags

from sslkeras.commands import flags as training_flags
from sslkeras.commands.positional import refuse_positional
from sslkeras.errors import ConfigurationError

FLAGS = training_flags.FLAGS


def main(rest):
    refuse_positional(rest, "--task=NAME --dataset=NAME --epochs=20")
    if not flags.FLAGS.task:
        raise ConfigurationError(
            "The surrogate task must be named. Received: no --task. Give one as --task=NAME or "
            "--task='NAME(key=value)'; `sslkeras list` shows the installed ones."
        )
    from sslkeras.training.pretrain import pretrain

    run = pretrain(**training_flags.arguments())
    last = run.history[-1] if run.history else {}
    told = ("stage_index", "stage", "epoch", "step", "learning_rate")
    metrics = ", ".join(f"{k} {v:.5g}" for k, v in last.items() if k not in told)
    print(f"Surrogate task at the end: {metrics}" if metrics else "Nothing was trained.")
    if run.folder is None:
        print("Nothing was kept: give --output to keep the run.")
        return
    print(f"Run folder: {run.folder}")
    print(f"Next: sslkeras evaluate --run={run.folder}    sslkeras show --run={run.folder}")
