"""Tests of sslkeras.training.schedules."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.training.schedules import (
    CosineSchedule,
    Schedule,
    create_schedule,
    scaled_learning_rate,
    schedule_names,
)


def create(text, learning_rate=1.0, total_steps=100, steps_per_epoch=10):
    return create_schedule(
        text,
        learning_rate=learning_rate,
        total_steps=total_steps,
        steps_per_epoch=steps_per_epoch,
    )


def test_cosine_has_the_published_values():
    schedule = create("cosine", learning_rate=0.03, total_steps=200, steps_per_epoch=1)

    rates = schedule(tf.constant([0, 50, 100, 150, 199, 200, 300]))

    # 0.015 * (1 + cos(pi * t / 200)), in float64.
    expected = [0.03, 0.0256066017, 0.015, 0.0043933983, 1.8505e-06, 0.0, 0.0]
    np.testing.assert_allclose(rates, expected, rtol=1e-4, atol=1e-12)


def test_cosine_ends_at_its_final_part():
    # 0.1 + 0.9 * (1 + cos(pi / 2)) / 2 half way.
    np.testing.assert_allclose(
        create("cosine(final=0.1)")([0, 50, 100]), [1.0, 0.55, 0.1], rtol=1e-6
    )


def test_warmup_rises_from_zero_and_the_fall_takes_what_is_left():
    # 20 steps of warm-up, then 80 down: at 60 half of the way.
    for text in ("linear(warmup=0.2, final=0.5)", "linear(warmup_steps=20, final=0.5)"):
        np.testing.assert_allclose(
            create(text, learning_rate=2.0)([0, 5, 19, 20, 60, 100, 120]),
            [0.0, 0.5, 1.9, 2.0, 1.5, 1.0, 1.0],
            rtol=1e-6,
        )


def test_constant_is_the_number_itself_unless_it_warms_up():
    assert create("constant", learning_rate=0.3) == 0.3
    np.testing.assert_allclose(
        create("constant(warmup=0.1)", learning_rate=0.3)([0, 5, 10, 99]),
        [0.0, 0.15, 0.3, 0.3],
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    ("milestones", "steps"), [("(6, 8)", (60, 80)), ("(0.25, 0.75)", (25, 75)), ("[5]", (50,))]
)
def test_milestones_are_epochs_or_parts_of_the_run(milestones, steps):
    schedule = create(f"step(milestones={milestones}, factor=0.2)")

    assert schedule.milestones == steps
    around = [value for step in steps for value in (step - 1, step)]
    expected = [0.2 ** ((i + 1) // 2) for i in range(len(around))]
    np.testing.assert_allclose(schedule(around), expected, rtol=1e-6)


def test_inverse_sqrt_is_vaswanis_with_a_warmup_and_halves_after_three_timescales():
    # sqrt(20 / t) from step 20 on, t / 20 before.
    np.testing.assert_allclose(
        create("inverse_sqrt(warmup_steps=20)")([0, 10, 20, 80]), [0, 0.5, 1.0, 0.5], rtol=1e-6
    )
    np.testing.assert_allclose(
        create("inverse_sqrt(timescale=5)")([0, 15, 40]), [1.0, 0.5, 1 / 3], rtol=1e-6
    )


@pytest.mark.parametrize(
    "text",
    [
        "constant(warmup=0.1)",
        "cosine(final=0.01, warmup_steps=3)",
        "linear(final=0.2)",
        "step(milestones=(3, 5), factor=0.3, warmup=0.05)",
        "inverse_sqrt(timescale=7, warmup=0.1)",
    ],
)
def test_each_survives_json_and_runs_in_a_graph(text):
    schedule, steps = create(text), tf.reshape(tf.range(100, dtype=tf.int64), [4, 25])

    config = json.loads(json.dumps(keras.optimizers.schedules.serialize(schedule)))
    copy = keras.optimizers.schedules.deserialize(config)

    assert type(copy) is type(schedule)
    rates = schedule(steps)
    assert rates.dtype == tf.float32 and rates.shape == [4, 25]
    np.testing.assert_array_equal(copy(steps), rates)
    np.testing.assert_allclose(tf.function(schedule)(steps), rates, rtol=1e-6)
    assert [float(schedule(i)) for i in (0, 3, 50)] == [rates[0, 0], rates[0, 3], rates[2, 0]]


def test_both_optimizer_classes_follow_a_schedule():
    schedule = create("step(milestones=(0.5,), factor=0.1)", total_steps=2, steps_per_epoch=1)
    for optimizer in (keras.optimizers.SGD(schedule), keras.optimizers.legacy.SGD(schedule)):
        w = tf.Variable(0.0)

        optimizer.apply_gradients([(tf.constant(1.0), w)])
        optimizer.apply_gradients([(tf.constant(1.0), w)])

        np.testing.assert_allclose(w, -1.1, rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cosin", "Did you mean 'cosine'"),
        ("cosine(end=0)", "It takes: final=0.0, warmup=None, warmup_steps=None"),
        ("cosine(final=2)", r"`final` of schedule 'cosine' must be a number in \[0, 1\]"),
        ("cosine(warmup=0.1, warmup_steps=3)", "must be given once"),
        ("cosine(warmup_steps=100)", "shorter than the 100 steps"),
        ("cosine(warmup=1.0)", "shorter than the 100 steps"),
        ("cosine(warmup=10)", r"`warmup` of schedule 'cosine' must be"),
        ("step", "must be given `milestones`"),
        ("step(milestones=(8, 6))", "one after the other"),
        ("step(milestones=(0.5, 5))", "one after the other"),
        ("step(milestones=(10,))", "inside the run of 100 steps"),
        ("step(milestones=(1.5,))", "an epoch .* or a part of the run"),
        ("step(milestones=(1,), factor=1.0)", "`factor`"),
        ("inverse_sqrt", "needs a time scale"),
        ("inverse_sqrt(timescale=0)", "`timescale`"),
    ],
)
def test_what_does_not_fit_is_refused(text, message):
    with pytest.raises(ConfigurationError, match=message):
        create(text)


@pytest.mark.parametrize("argument", ["learning_rate", "total_steps", "steps_per_epoch"])
def test_the_run_itself_is_checked(argument):
    with pytest.raises(ConfigurationError, match=f"`{argument}` of a schedule must be"):
        create("cosine", **{argument: 0})


def test_a_warmup_longer_than_the_run_is_refused_by_the_class_too():
    with pytest.raises(ConfigurationError, match="shorter than the 10 steps"):
        CosineSchedule(0.1, 10, warmup_steps=10)


def test_linear_scaling_multiplies_by_the_batch():
    assert scaled_learning_rate(0.1, 1024) == pytest.approx(0.4)
    assert scaled_learning_rate(0.3, 32, base=64) == pytest.approx(0.15)
    with pytest.raises(ConfigurationError, match="`batch_size`"):
        scaled_learning_rate(0.1, 0)


def test_each_name_has_a_line():
    names = schedule_names()

    assert set(names) == {"constant", "cosine", "inverse_sqrt", "linear", "step"}
    assert all(line and "\n" not in line for line in names.values())
    assert issubclass(CosineSchedule, Schedule)
