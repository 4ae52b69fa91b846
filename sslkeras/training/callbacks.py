"""What happens between steps: guard, checkpoint, history, early stopping."""

import math
import signal
import threading
import time

import keras

from sslkeras import report
from sslkeras.errors import NonFiniteLossError
from sslkeras.training.optimizers import learning_rate_now


class Termination:
    """Remembers that SIGTERM arrived, so that it is obeyed at a step boundary.

    A context manager; outside the main thread, where Python allows no handler, it does
    nothing.
    """

    def __init__(self):
        self.requested = False
        self._before = None

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._request)
        return self

    def __exit__(self, *_):
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def _request(self, *_):
        self.requested = True


class Place:
    """Where in the run the training stands.

    Attributes:
        stage_index: Which stage, from 0.
        stage: Its name.
        epoch: Epoch within the stage, from 0.
        step: Updates done in this epoch.
        total: Updates done in the whole run.
        finished: Whether the run is over.
    """

    def __init__(self):
        self.stage_index, self.stage, self.epoch, self.step, self.total = 0, "", 0, 0, 0
        self.finished = False

    def as_dict(self) -> dict:
        return dict(vars(self))

    def move_to(self, position: dict):
        """Stands where `position` (from `as_dict`) says."""
        for name in vars(self):
            setattr(self, name, position[name])

    def next_stage(self):
        """Stands at the beginning of the next stage."""
        self.stage_index, self.epoch, self.step = self.stage_index + 1, 0, 0


class Guard(keras.callbacks.Callback):
    """Counts steps, stops at a loss that is not finite, adapts how many steps run in one call.

    Args:
        place: The `Place` to keep.
        task_name: For the message.
        fixed: Steps in one call, or None to adapt them.
        checkpoint_steps: A call never runs past a multiple of this, or None.
        agree: `agree(steps)` gives the number that all workers take; None: alone.
    """

    _SECONDS_PER_CALL = 0.5
    _MOST_STEPS = 200

    def __init__(self, place, task_name, *, fixed=None, checkpoint_steps=None, agree=None):
        super().__init__()
        self._supports_tf_logs = True
        self._place, self._task_name = place, task_name
        self._checkpoint_steps = checkpoint_steps
        self._wanted = fixed or 1
        self._adapts = fixed is None
        self._agree = agree or (lambda steps: steps)
        self._calls = 0
        self.seconds_waiting = 0.0

    def on_train_begin(self, logs=None):
        # The first call of a fit traces the graph and says nothing about the speed.
        self._calls = 0
        self._set_steps()

    def on_epoch_begin(self, epoch, logs=None):
        # fit() has put back the number that it cut short at the end of the epoch before.
        self._set_steps()

    def on_train_batch_begin(self, batch, logs=None):
        self._started = time.perf_counter()
        self._steps = int(self.model.steps_in_next_call())

    def on_train_batch_end(self, batch, logs=None):
        place = self._place
        first = place.total + 1
        place.step += self._steps
        place.total += self._steps
        loss = float(logs["loss"])
        self.seconds_waiting += float(logs["seconds_waiting"])
        if not math.isfinite(loss):
            raise NonFiniteLossError(
                f"The loss of task '{self._task_name}' must stay finite. Received: {loss} between "
                f"step {first} and step {place.total} (stage '{place.stage}', epoch "
                f"{place.epoch + 1}). Lower `learning_rate`, set `clip_norm`, or check the data."
            )
        self._calls += 1
        if self._adapts and self._calls > 1:
            per_step = (time.perf_counter() - self._started) / self._steps
            wanted = int(self._SECONDS_PER_CALL / max(per_step, 1e-9))
            # Grow in strides, so that one quick call does not make the next a long one.
            wanted = max(1, min(wanted, 8 * self._wanted, self._MOST_STEPS))
            # Clocks differ between workers, and all must run the same number.
            self._wanted = self._agree(wanted)
        self._set_steps()

    def _set_steps(self):
        steps = self._wanted
        if self._checkpoint_steps:
            steps = min(steps, self._checkpoint_steps - self._place.total % self._checkpoint_steps)
        self.model.run_in_next_call(steps)


class Clock:
    """When, and after how many updates, the last checkpoint was written."""

    def __init__(self):
        self.restart(-1)

    def restart(self, total):
        """Notes that one was written now, after `total` updates."""
        self._at, self.total = time.monotonic(), total

    def seconds(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self._at


class Saver(keras.callbacks.Callback):
    """Saves by time, by step and when SIGTERM asks for it, always at a step boundary.

    Args:
        place: The `Place`.
        save: Writes one checkpoint.
        termination: The `Termination`.
        last_step: Updates after which this epoch is complete.
        clock: When the last checkpoint was written; shared by the fits of a run.
        seconds: Seconds between checkpoints.
        steps: Steps between checkpoints, or None.
        agree: `agree(*flags)` tells of each whether any worker raised it; None: alone.
    """

    def __init__(
        self, place, save, termination, *, last_step, clock, seconds, steps=None, agree=None
    ):
        super().__init__()
        self._supports_tf_logs = True
        self._place, self._save, self._termination = place, save, termination
        self._last_step, self._clock = last_step, clock
        self._seconds, self._steps = seconds, steps
        self._agree = agree or (lambda *flags: flags)

    def on_train_batch_end(self, batch, logs=None):
        # After the last step of an epoch its evaluation and its row come first.
        if self._place.step < self._last_step:
            self._save_if_due()

    def on_epoch_end(self, epoch, logs=None):
        self._save_if_due()

    def _save_if_due(self):
        due = self._clock.seconds() >= self._seconds
        due = due or bool(self._steps) and self._place.total % self._steps == 0
        due, stop = self._agree(due, self._termination.requested)
        if stop:
            self._termination.requested = True
            self.model.stop_training = True
        if (due or stop) and self._clock.total != self._place.total:
            self._save()
            self._clock.restart(self._place.total)


class EpochRecord(keras.callbacks.Callback):
    """Writes a row of the history at the end of each epoch and moves on to the next.

    Must come before callbacks that read the history.

    Args:
        place: The `Place`.
        history: The `History`.
        last_step: Updates after which this epoch is complete.
        restored_metrics: Metric states with which the first epoch goes on, or None.
    """

    def __init__(self, place, history, last_step, *, restored_metrics=None):
        super().__init__()
        self._place, self._history = place, history
        self._last_step = last_step
        self._restored = restored_metrics

    def on_epoch_begin(self, epoch, logs=None):
        if self._restored is not None:
            # fit() has just reset the metrics; the epoch goes on with what it had.
            for metric, values in zip(self.model.metrics, self._restored):
                metric.set_weights(values)
            self._restored = None

    def on_epoch_end(self, epoch, logs=None):
        place = self._place
        row = {
            "stage_index": place.stage_index,
            "stage": place.stage,
            "epoch": place.epoch,
            "step": place.total,
            "learning_rate": learning_rate_now(self.model.optimizer),
        }
        row.update((k, float(v)) for k, v in logs.items() if k != "seconds_waiting")
        if place.step < self._last_step:
            return  # SIGTERM in the middle of an epoch: its row comes when it is complete.
        self._history.append(row)
        place.epoch, place.step = place.epoch + 1, 0


class EarlyStopping(keras.callbacks.Callback):
    """Stops when the held-out loss has not improved for some epochs.

    Its memory is the history, so a resumed run decides as an uninterrupted one.

    Args:
        place: The `Place`.
        history: The `History`.
        patience: Epochs without improvement.
    """

    def __init__(self, place, history, patience):
        super().__init__()
        self._place, self._history, self._patience = place, history, patience
        self.stopped = False

    def on_epoch_end(self, epoch, logs=None):
        if out_of_patience(self._history.rows, self._place.stage_index, self._patience):
            report.say(f"Stopped early: no better val_loss for {self._patience} epochs.")
            self.stopped = True
            self.model.stop_training = True


def out_of_patience(rows, stage_index, patience) -> bool:
    """Whether the stage's lowest `val_loss` lies `patience` or more evaluated epochs back."""
    losses = [r["val_loss"] for r in rows if r["stage_index"] == stage_index and "val_loss" in r]
    if not losses:
        return False
    best = min(range(len(losses)), key=losses.__getitem__)
    return len(losses) - 1 - best >= patience
