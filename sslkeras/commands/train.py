"""sslkeras train: pretrains an encoder on a surrogate task, or resumes a run.

    sslkeras train --task=denoising_autoencoder --dataset=digits --encoder=convnet \\
        --epochs=20 --output=runs/first
    sslkeras train --flagfile=plugins/autoencoding/recipes/autoencoder_digits.flags

Exit status: 0 done, 1 an error, 75 interrupted by SIGTERM and saved.
"""

from absl import flags

from sslkeras.commands import flags as training_flags
from sslkeras.commands.positional import refuse_positional


def define_flags():
    return training_flags.define()


def main(rest):
    refuse_positional(rest, "--task=... --dataset=... --epochs=...")
    from sslkeras.training.pretrain import pretrain

    run = pretrain(**training_flags.arguments(flags.FLAGS))
    last = run.history[-1] if run.history else {}
    told = ("stage_index", "stage", "epoch", "step", "learning_rate")
    metrics = ", ".join(f"{k} {v:.5g}" for k, v in last.items() if k not in told)
    print(f"Surrogate task at the end: {metrics}" if metrics else "Nothing was trained.")
    if run.folder is None:
        print("Nothing was kept: give --output to keep the run.")
        return
    print(f"Run folder: {run.folder}")
    print(f"Next: sslkeras evaluate --run={run.folder}    sslkeras show --run={run.folder}")
