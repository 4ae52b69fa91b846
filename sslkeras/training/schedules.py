"""Learning-rate schedules by name.

cosine: I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
ICLR 2017, https://arxiv.org/abs/1608.03983 (one period, no restart).
inverse_sqrt: A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017,
https://arxiv.org/abs/1706.03762, section 5.3.
Warm-up and the linear scaling rule: P. Goyal et al., "Accurate, Large Minibatch SGD:
Training ImageNet in 1 Hour", 2017, https://arxiv.org/abs/1706.02677, section 2.
"""

import dataclasses
import functools
import math

import keras
import tensorflow as tf

from sslkeras import notation
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import AnyOf, Integer, ListOf, Real, check_argument

_POSITIVE = Real(0, closed="neither")
_SHARE = Real(0, 1)


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises linearly from 0 and then goes as the subclass says.

    A step is an update of the weights; the first is step 0. Steps of any shape give
    float32 rates of that shape.

    Args:
        learning_rate: > 0, the greatest rate.
        warmup_steps: >= 0: step `t` below it has the rate `learning_rate * t / warmup_steps`.

    Raises:
        ConfigurationError: If a value is outside its range.
    """

    def __init__(self, learning_rate, warmup_steps=0):
        self.learning_rate = self._check("learning_rate", learning_rate, _POSITIVE)
        self.warmup_steps = self._check("warmup_steps", warmup_steps, Integer(0, unit="steps"))

    def _check(self, name, value, constraint):
        return check_argument(type(self).__name__, name, value, constraint)

    def _check_total(self, total_steps):
        total = self._check("total_steps", total_steps, Integer(1, unit="steps"))
        if self.warmup_steps >= total:
            raise ConfigurationError(
                f"The warm-up must be shorter than the {total} steps of the run. Received: "
                f"warmup_steps={self.warmup_steps}. Shorten it or train longer."
            )
        return total

    def factor(self, step):
        """float32 factors in [0, 1] on the rate, for float32 steps after the warm-up."""
        raise NotImplementedError

    def __call__(self, step):
        """Returns the float32 rate of each step."""
        step = tf.cast(step, tf.float32)
        factor = self.factor(step)
        if self.warmup_steps:
            factor = tf.where(step < self.warmup_steps, step / self.warmup_steps, factor)
        return self.learning_rate * factor

    def get_config(self):
        """The constructor arguments, for `from_config`."""
        return {"learning_rate": self.learning_rate, "warmup_steps": self.warmup_steps}


class _Falling(Schedule):
    """Falls from the end of the warm-up to `final * learning_rate` at `total_steps`.

    Args:
        learning_rate, warmup_steps: See `Schedule`.
        total_steps: > `warmup_steps`; later steps keep the final rate.
        final: In [0, 1], the final rate as a part of `learning_rate`.

    Raises:
        ConfigurationError: If a value is outside its range.
    """

    def __init__(self, learning_rate, total_steps, final=0.0, warmup_steps=0):
        super().__init__(learning_rate, warmup_steps)
        self.total_steps = self._check_total(total_steps)
        self.final = self._check("final", final, _SHARE)

    def remaining(self, step):
        """Which part of the way down is left: 1 at the end of the warm-up, 0 at the end."""
        length = self.total_steps - self.warmup_steps
        return tf.clip_by_value((self.total_steps - step) / length, 0.0, 1.0)

    def get_config(self):
        return {**super().get_config(), "total_steps": self.total_steps, "final": self.final}


@keras.saving.register_keras_serializable(package="sslkeras")
class ConstantSchedule(Schedule):
    """Stays at `learning_rate` after the warm-up; the arguments are those of `Schedule`."""

    def factor(self, step):
        return tf.ones_like(step)


@keras.saving.register_keras_serializable(package="sslkeras")
class CosineSchedule(_Falling):
    """Falls along half a cosine; the arguments are those of `_Falling`."""

    def factor(self, step):
        # sin^2(r pi/2) is (1 + cos((1 - r) pi)) / 2 without its cancellation near the end.
        height = tf.square(tf.sin(0.5 * math.pi * self.remaining(step)))
        return self.final + (1.0 - self.final) * height


@keras.saving.register_keras_serializable(package="sslkeras")
class LinearSchedule(_Falling):
    """Falls in a straight line; the arguments are those of `_Falling`."""

    def factor(self, step):
        return self.final + (1.0 - self.final) * self.remaining(step)


@keras.saving.register_keras_serializable(package="sslkeras")
class StepSchedule(Schedule):
    """Is multiplied by `factor_per_milestone` at each milestone.

    Args:
        learning_rate, warmup_steps: See `Schedule`.
        milestones: Steps, each >= 1 and in rising order; step `m` is the first with the
            new rate. They count from the start of the run, warm-up included.
        factor_per_milestone: In (0, 1).

    Raises:
        ConfigurationError: If a value is outside its range.
    """

    def __init__(self, learning_rate, milestones, factor_per_milestone=0.1, warmup_steps=0):
        super().__init__(learning_rate, warmup_steps)
        steps = ListOf(Integer(1), min_length=1, increasing=True)
        self.milestones = self._check("milestones", milestones, steps)
        self.factor_per_milestone = self._check(
            "factor_per_milestone", factor_per_milestone, Real(0, 1, closed="neither")
        )

    def factor(self, step):
        passed = sum(tf.cast(step >= milestone, tf.float32) for milestone in self.milestones)
        return tf.pow(self.factor_per_milestone, passed)

    def get_config(self):
        return {
            **super().get_config(),
            "milestones": self.milestones,
            "factor_per_milestone": self.factor_per_milestone,
        }


@keras.saving.register_keras_serializable(package="sslkeras")
class InverseSqrtSchedule(Schedule):
    """Falls as one over the square root of the step.

        rate(t) = learning_rate * sqrt(timescale / (timescale + t - warmup_steps))

    With `timescale = warmup_steps` this is `learning_rate * sqrt(warmup_steps / t)`, the
    schedule of Vaswani et al.

    Args:
        learning_rate, warmup_steps: See `Schedule`.
        timescale: > 0, in steps: after three of them the rate has halved.

    Raises:
        ConfigurationError: If a value is outside its range.
    """

    def __init__(self, learning_rate, timescale, warmup_steps=0):
        super().__init__(learning_rate, warmup_steps)
        self.timescale = self._check("timescale", timescale, Real(0, closed="neither"))

    def factor(self, step):
        since = tf.maximum(step - self.warmup_steps, 0.0)
        return tf.sqrt(self.timescale / (self.timescale + since))

    def get_config(self):
        return {**super().get_config(), "timescale": self.timescale}


@dataclasses.dataclass(frozen=True)
class _Run:
    """What a schedule has to fit."""

    name: str
    learning_rate: float
    total_steps: int
    steps_per_epoch: int

    def check(self, argument, value, constraint):
        return check_argument(f"schedule '{self.name}'", argument, value, constraint)

    def warmup(self, warmup, warmup_steps) -> int:
        """Steps of warm-up, from whichever of the two arguments is given."""
        if warmup is not None and warmup_steps is not None:
            raise ConfigurationError(
                f"The warm-up of schedule '{self.name}' must be given once. Received: "
                f"warmup={warmup!r}, warmup_steps={warmup_steps!r}. Drop one of the two."
            )
        if warmup is not None:
            share = self.check("warmup", warmup, Real(0, 1, unit="part of all steps"))
            steps = round(share * self.total_steps)
        else:
            steps = self.check("warmup_steps", warmup_steps or 0, Integer(0, unit="steps"))
        if steps >= self.total_steps:
            raise ConfigurationError(
                f"The warm-up of schedule '{self.name}' must be shorter than the "
                f"{self.total_steps} steps of the run. Received: {steps} steps of warm-up. "
                "Shorten it or train longer."
            )
        return steps

    def milestones(self, milestones) -> list[int]:
        """Steps, from epochs (integers) or parts of the run (fractions)."""
        each = AnyOf(Integer(1, unit="epochs"), Real(0, 1, closed="neither"))
        each.description = "an epoch (an integer >= 1) or a part of the run (a number in (0, 1))"
        milestones = self.check("milestones", milestones, ListOf(each, min_length=1))
        steps = [
            m * self.steps_per_epoch if isinstance(m, int) else max(1, round(m * self.total_steps))
            for m in milestones
        ]
        if any(a >= b for a, b in zip(steps, steps[1:], strict=False)):
            raise ConfigurationError(
                f"`milestones` of schedule '{self.name}' must come one after the other. Received: "
                f"milestones={milestones}, the steps {steps}. Sort them and drop doubles."
            )
        if steps[-1] >= self.total_steps:
            raise ConfigurationError(
                f"`milestones` of schedule '{self.name}' must lie inside the run of "
                f"{self.total_steps} steps ({self.steps_per_epoch} an epoch). Received: "
                f"milestones={milestones}, the steps {steps}. Move them forward or train longer."
            )
        return steps


def _constant(run, *, warmup=None, warmup_steps=None):
    """The same rate at each step."""
    steps = run.warmup(warmup, warmup_steps)
    return ConstantSchedule(run.learning_rate, steps) if steps else run.learning_rate


def _cosine(run, *, final=0.0, warmup=None, warmup_steps=None):
    """Half a cosine down to `final` times the rate."""
    steps = run.warmup(warmup, warmup_steps)
    final = run.check("final", final, _SHARE)
    return CosineSchedule(run.learning_rate, run.total_steps, final, steps)


def _linear(run, *, final=0.0, warmup=None, warmup_steps=None):
    """A straight line down to `final` times the rate."""
    steps = run.warmup(warmup, warmup_steps)
    final = run.check("final", final, _SHARE)
    return LinearSchedule(run.learning_rate, run.total_steps, final, steps)


def _step(run, *, milestones, factor=0.1, warmup=None, warmup_steps=None):
    """Times `factor` at each of `milestones`: epochs (30) or parts of the run (0.5)."""
    steps = run.warmup(warmup, warmup_steps)
    factor = run.check("factor", factor, Real(0, 1, closed="neither"))
    return StepSchedule(run.learning_rate, run.milestones(milestones), factor, steps)


def _inverse_sqrt(run, *, timescale=None, warmup=None, warmup_steps=None):
    """One over the square root of the step; `timescale` in steps is the warm-up's unless given."""
    steps = run.warmup(warmup, warmup_steps)
    if timescale is None:
        if not steps:
            raise ConfigurationError(
                "Schedule 'inverse_sqrt' needs a time scale. Received: neither a warm-up nor "
                "`timescale`. Give warmup=0.1, warmup_steps=1000 or timescale=1000 (steps)."
            )
        timescale = steps
    timescale = run.check("timescale", timescale, Real(0, closed="neither", unit="steps"))
    return InverseSqrtSchedule(run.learning_rate, timescale, steps)


_SCHEDULES = {
    "constant": _constant,
    "cosine": _cosine,
    "inverse_sqrt": _inverse_sqrt,
    "linear": _linear,
    "step": _step,
}


def schedule_names() -> dict[str, str]:
    """Each name with a line on what it does, for help text."""
    return {name: make.__doc__ for name, make in _SCHEDULES.items()}


def create_schedule(text: str, *, learning_rate: float, total_steps: int, steps_per_epoch: int):
    """Makes the schedule that `name` or `name(key=value, ...)` describes.

    All take `warmup` (part of all steps, in [0, 1)) or `warmup_steps`: the rate then rises
    linearly from 0, which it has at step 0. `cosine` and `linear` fall over what is left
    of the run; the milestones of `step` count from its start.

    Args:
        text: For instance "cosine(warmup=0.05)" or "step(milestones=(60, 80), factor=0.1)".
        learning_rate: > 0, the greatest rate.
        total_steps: >= 1, updates in the whole run.
        steps_per_epoch: >= 1.

    Returns:
        `learning_rate` for "constant" without warm-up, else a `Schedule`.

    Raises:
        ConfigurationError: If the notation, the name or a value is wrong, or if a warm-up or
            a milestone does not fit into the run.
    """
    named = notation.parse(text)
    if named.name not in _SCHEDULES:
        raise ConfigurationError(
            f"A schedule must be one that exists. Received: '{named.name}'."
            f"{notation.suggest(named.name, _SCHEDULES)} There are: {', '.join(_SCHEDULES)}."
        )
    run = _Run(
        named.name,
        check_argument("a schedule", "learning_rate", learning_rate, _POSITIVE),
        check_argument("a schedule", "total_steps", total_steps, Integer(1, unit="steps")),
        check_argument("a schedule", "steps_per_epoch", steps_per_epoch, Integer(1, unit="steps")),
    )
    return notation.bind(functools.partial(_SCHEDULES[named.name], run), named, "schedule")


def scaled_learning_rate(learning_rate: float, batch_size: int, base: int = 256) -> float:
    """The linear scaling rule: a batch `k` times as large is trained at `k` times the rate.

    Args:
        learning_rate: > 0, the rate that suits batches of `base` examples.
        batch_size: >= 1, examples in the global batch.
        base: >= 1; 256 in Goyal et al.

    Raises:
        ConfigurationError: If a value is outside its range.
    """
    owner = "the linear scaling rule"
    rate = check_argument(owner, "learning_rate", learning_rate, _POSITIVE)
    batch = check_argument(owner, "batch_size", batch_size, Integer(1, unit="examples"))
    return rate * batch / check_argument(owner, "base", base, Integer(1, unit="examples"))
