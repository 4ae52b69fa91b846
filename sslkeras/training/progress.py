"""How far the run is, how long it will take, and how much of it is waiting for data."""

import shutil
import sys
import time

import keras


class Progress(keras.callbacks.Callback):
    """A bar on a terminal, plain lines elsewhere.

    Args:
        place: The `Place`.
        stages: Names of all stages.
        total_steps: Updates in all stages.
        waiting: Returns the seconds spent waiting for data so far; None if not measured.
        stream: Where to write; None: standard error.
    """

    _SECONDS_BETWEEN_LINES = 10.0
    _SECONDS_BETWEEN_BARS = 0.1

    def __init__(self, place, stages, total_steps, *, waiting=None, stream=None):
        super().__init__()
        self._supports_tf_logs = True
        self._place, self._waiting = place, waiting
        self._stages, self._total_steps = stages, total_steps
        self._stream = stream or sys.stderr
        self._bar = bool(getattr(self._stream, "isatty", lambda: False)())
        self._began = self._shown = None
        self._began_total = place.total

    def on_train_begin(self, logs=None):
        if self._began is None:
            self._began = self._shown = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        pause = self._SECONDS_BETWEEN_BARS if self._bar else self._SECONDS_BETWEEN_LINES
        if now - self._shown >= pause:
            self._shown = now
            self._show(self._line(now, logs))

    def on_epoch_end(self, epoch, logs=None):
        now = time.monotonic()
        # Many epochs a second would flood a log file.
        last = self._place.total >= self._total_steps
        if self._bar or last or now - self._shown >= 1.0:
            self._shown = now
            self._show(self._line(now, logs), keep=not self._bar or last)

    def close(self):
        """Ends the bar's line."""
        if self._bar and self._began is not None:
            self._stream.write("\n")
            self._stream.flush()

    def _show(self, text, keep=True):
        if self._bar:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r" + text[:width].ljust(width))
        elif keep:
            self._stream.write(text + "\n")
        self._stream.flush()

    def _line(self, now, logs):
        place = self._place
        elapsed = max(now - self._began, 1e-9)
        done = place.total - self._began_total
        left = max(self._total_steps - place.total, 0)
        stage = f"{place.stage} " if len(self._stages) > 1 else ""
        share = place.total / max(self._total_steps, 1)
        metrics = "  ".join(
            f"{name} {float(value):.4g}"
            for name, value in (logs or {}).items()
            if name != "seconds_waiting"
        )
        bar = "[" + "#" * int(20 * share) + "." * (20 - int(20 * share)) + "] " if self._bar else ""
        waiting = ""
        if self._waiting is not None:
            waiting = f"  waiting for data {min(self._waiting() / elapsed, 1.0):.0%}"
        return (
            f"{bar}{stage}step {place.total}/{self._total_steps} ({share:.0%})  {metrics}  "
            f"{1000 * elapsed / max(done, 1):.1f} ms/step  "
            f"ETA {duration(elapsed / max(done, 1) * left)}{waiting}"
        )


def duration(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss."""
    minutes, seconds = divmod(int(round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
