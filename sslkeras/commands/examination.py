"""What can be told only by importing: TensorFlow, the compiled addons ops, each plugin.

`sslkeras doctor` runs this in a process of its own, as an import may abort the process,
print, or never come back. Subjects are "tensorflow", "addons" and "KIND NAME"; each is
answered by one line of JSON on what was standard output when the process started.
"""

import dataclasses
import json
import os
import subprocess
import sys
import time


@dataclasses.dataclass(frozen=True)
class Answer:
    """What became of one subject."""

    subject: str
    error: str | None  # One line, or None if all is well.
    facts: dict = dataclasses.field(default_factory=dict)
    seconds: float = 0.0


def ask(subjects, timeout=300) -> dict[str, Answer]:
    """Examines `subjects` in order, each answer under its subject.

    A subject that ends the process or takes too long gets that as its error, and those
    after it are examined by another process. After an error of "tensorflow", which all
    others need, nothing more is examined.
    """
    answers, waiting = {}, list(subjects)
    while waiting and _goes_on(answers.get("tensorflow")):
        lines, ending = _run(waiting, timeout)
        for line in lines:
            answer = Answer(**json.loads(line))
            answers[answer.subject] = answer
        waiting = [subject for subject in waiting if subject not in answers]
        if waiting and _goes_on(answers.get("tensorflow")):
            answers[waiting[0]] = Answer(waiting[0], ending)
            del waiting[0]
    return answers


def _goes_on(tensorflow):
    return tensorflow is None or tensorflow.error is None


def _run(subjects, timeout):
    """The lines that a process printed, and in words how it ended."""
    # The same modules must be found there as here, whatever the current folder is.
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        f"from sslkeras.commands import examination; examination.main({list(subjects)!r})"
    )
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    try:
        printed, said = process.communicate(timeout=timeout)
        status = process.returncode
        ending = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        last = said.decode("utf-8", "replace").strip().splitlines()[-1:]
        ending = f"it ended the process ({ending})" + (f": {last[0]}" if last else "")
    except subprocess.TimeoutExpired:
        process.kill()
        printed, _ = process.communicate()
        ending = f"it did not come back within {timeout} seconds"
    lines = [line for line in printed.decode("utf-8", "replace").splitlines() if line]
    return lines, ending


def main(subjects):
    """Answers each of `subjects` on standard output; what they print goes to standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for subject in subjects:
        began = time.monotonic()
        try:
            error, facts = None, _examine(subject)
        except (Exception, SystemExit) as raised:
            error, facts = _one_line(raised), {}
        answer = Answer(subject, error, facts, time.monotonic() - began)
        print(json.dumps(dataclasses.asdict(answer)), file=out, flush=True)
        if subject == "tensorflow" and not _goes_on(answer):
            return


def _examine(subject):
    if subject == "tensorflow":
        return _tensorflow()
    if subject == "addons":
        return _addons()
    from sslkeras import registry

    kind, _, name = subject.partition(" ")
    getattr(registry, kind).load(name)
    return {}


def _tensorflow():
    import keras
    import tensorflow as tf

    build = tf.sysconfig.get_build_info()
    return {
        "version": tf.__version__,
        "keras": keras.__version__,
        "with_cuda": tf.test.is_built_with_cuda(),
        "cuda": build.get("cuda_version"),
        "cudnn": build.get("cudnn_version"),
        "gpus": [
            tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
            for gpu in tf.config.list_physical_devices("GPU")
        ],
    }


def _addons():
    import tensorflow as tf

    from sslkeras.training import addons

    tfa = addons.load()
    with tf.device("CPU:0"):
        image = tf.ones([1, 2, 2, 1])
        tfa.image.resampler(image, tf.zeros([1, 1, 2]))
        cost = tfa.layers.CorrelationCost(1, 1, 1, 1, 1, "channels_last")
        cost([image, image])
    return {}


def _one_line(error):
    from sslkeras.errors import SslkerasError

    text = " ".join(str(error).split())[:600]
    return text if isinstance(error, SslkerasError) else f"{type(error).__name__}: {text}"
