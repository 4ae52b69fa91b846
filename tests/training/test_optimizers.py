"""Tests of sslkeras.training.optimizers."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.training.optimizers import (
    create_optimizer,
    default_learning_rate,
    fresh_copy,
    learning_rate_now,
    optimizer_names,
    swap_in_averages,
)
from sslkeras.training.schedules import create_schedule

WRAPPERS = ("lookahead", "moving_average", "swa")
PLAIN = sorted(set(optimizer_names()) - set(WRAPPERS))


def text_of(name):
    return f"{name}(optimizer='adam')" if name in WRAPPERS else name


def rate_for(name):
    return {} if name == "cocob" else {"learning_rate": 0.1}


def steps_down(learning_rate=0.1):
    """A schedule with the rate of step 0 and a tenth of it at step 1."""
    return create_schedule(
        "step(milestones=(1,), factor=0.1)",
        learning_rate=learning_rate,
        total_steps=2,
        steps_per_epoch=1,
    )


def move(optimizer, w, b, gradient=0.5, steps=1):
    """`steps` updates with the same gradient everywhere."""
    for _ in range(steps):
        gradients = [tf.fill(v.shape, tf.cast(gradient, v.dtype)) for v in (w, b)]
        optimizer.apply_gradients(zip(gradients, (w, b), strict=True))


def moved(text, steps=1, gradient=0.5, w=((2.0,),), b=(1.0,), **arguments):
    w, b = tf.Variable(w), tf.Variable(b)
    move(create_optimizer(text, **arguments), w, b, gradient, steps)
    return w.numpy(), b.numpy()


# --- Names ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", optimizer_names())
def test_each_name_moves_each_weight_in_a_graph_and_is_copied(name):
    optimizer = create_optimizer(text_of(name), **rate_for(name))
    w, b = tf.Variable([[1.0], [-1.0]]), tf.Variable([0.5])
    before = [w.numpy(), b.numpy()]

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((x @ w + b - 3.0) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(loss, [w, b]), [w, b], strict=True))

    step(tf.constant([[1.0, 2.0]]))

    for variable, old in zip((w, b), before, strict=True):
        assert np.all(np.isfinite(variable)) and np.all(variable.numpy() != old)
    copy = fresh_copy(optimizer)
    assert type(copy) is type(optimizer)
    assert int(copy.iterations) == 0 and int(optimizer.iterations) == 1
    assert copy.get_config() == optimizer.get_config()
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(again) is type(optimizer)


def test_each_name_has_a_line():
    assert {"adam", "lamb", "lars", "radam", "swa"} <= set(optimizer_names())
    assert all(line and "\n" not in line for line in optimizer_names().values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("adem", "Received: 'adem'. Did you mean 'adam'"),
        ("adam(beta1=0.5)", "Did you mean 'beta_1'.* It takes: learning_rate=0.001, beta_1=0.9"),
        ("adam(beta_1=1.0)", r"`beta_1` of optimizer 'adam' must be a number in \[0, 1\)"),
        ("adam(learning_rate=0)", "`learning_rate`"),
        ("adam(clipnorm=-1)", "`clipnorm`"),
        ("adam(clipnorm=1.0, global_clipnorm=1.0)", "must fit together"),
        ("adam(amsgrad=1)", "`amsgrad` of optimizer 'adam' must be True or False"),
        ("adam(weight_decay=-0.1)", "`weight_decay`"),
        ("lamb(total_steps=3)", "`total_steps`|total_steps=3"),
        ("cocob(weight_decay=0.1)", "weight_decay=0.1"),
        ("conditional_gradient", "no default learning rate"),
        ("lookahead", "must be given `optimizer`"),
        ("lookahead(optimizer=3)", "`optimizer`"),
        ("lookahead(optimizer='adm')", "Did you mean 'adam'"),
        ("lookahead(optimizer='lars')", "legacy class and is no wrapper"),
        ("lookahead(optimizer=\"swa(optimizer='sgd')\")", "legacy class and is no wrapper"),
        ("lookahead(optimizer='adam', sync_period=0)", "`sync_period`"),
        ("swa(optimizer='adam(clipnorm=1.0)', clipnorm=2.0)", "`clipnorm` must be given once"),
    ],
)
def test_what_is_wrong_in_the_notation_is_refused(text, message):
    with pytest.raises(ConfigurationError, match=message):
        create_optimizer(text)


def test_wrappers_take_the_legacy_class_of_the_same_name():
    plain, wrapper = create_optimizer("adam"), create_optimizer("lookahead(optimizer='adam')")

    assert isinstance(plain, keras.optimizers.Adam)
    assert isinstance(wrapper._optimizer, keras.optimizers.legacy.Adam)


def test_clipping_named_inside_a_wrapper_still_clips():
    text = "moving_average(optimizer='sgd(learning_rate=1.0, clipnorm=1.0)')"

    w, _ = moved(text, gradient=10.0)

    # Unclipped it would be 2 - 10.
    np.testing.assert_allclose(w, [[1.0]], rtol=1e-6)


# --- The learning rate ---------------------------------------------------------------


@pytest.mark.parametrize("text", ["sgd", "lookahead(optimizer='sgd', sync_period=9)"])
def test_the_argument_replaces_the_default_rate(text):
    np.testing.assert_allclose(moved(text, learning_rate=1.0)[0], [[1.5]], rtol=1e-6)


def test_a_rate_given_twice_must_be_the_same():
    inside = "adam(learning_rate=0.1)"

    assert learning_rate_now(create_optimizer(inside, learning_rate=0.1)) == pytest.approx(0.1)
    assert create_optimizer(inside, learning_rate=steps_down(0.1))
    for other in (0.2, steps_down(0.2)):
        with pytest.raises(ConfigurationError, match="learning rate must be given once"):
            create_optimizer(inside, learning_rate=other)
    with pytest.raises(ConfigurationError, match="learning rate must be given once"):
        create_optimizer("swa(optimizer='sgd(learning_rate=0.1)')", learning_rate=0.2)


def test_optimizers_without_a_rate_or_a_schedule_say_so():
    with pytest.raises(ConfigurationError, match="'cocob' finds its own"):
        create_optimizer("cocob", learning_rate=0.1)
    with pytest.raises(ConfigurationError, match="must be a number"):
        create_optimizer("conditional_gradient", learning_rate=steps_down())
    with pytest.raises(ConfigurationError, match="must fit together.*Nadam"):
        create_optimizer("lookahead(optimizer='nadam')", learning_rate=steps_down())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("adam", 0.001),
        ("sgd(learning_rate=0.3)", 0.3),
        ("lookahead(optimizer='yogi')", 0.01),
        ("swa(optimizer='sgd(0.2)')", 0.2),
        ("lars", 1.0),
        ("cocob", None),
        ("conditional_gradient", None),
    ],
)
def test_the_default_rate_is_known_before_anything_is_made(text, expected):
    assert default_learning_rate(text) == expected


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("text", ["sgd", "lamb", "moving_average(optimizer='sgd')", "lars"])
def test_the_rate_now_is_that_of_the_last_step(text, scaled):
    optimizer = create_optimizer(text, learning_rate=steps_down(0.1))
    if scaled:
        optimizer = keras.mixed_precision.LossScaleOptimizer(optimizer)
    w, b = tf.Variable([[2.0]]), tf.Variable([1.0])

    rates = [learning_rate_now(optimizer)]
    for _ in range(2):
        move(optimizer, w, b)
        rates.append(learning_rate_now(optimizer))

    np.testing.assert_allclose(rates, [0.1, 0.1, 0.01], rtol=1e-6)


def test_the_rate_of_an_optimizer_without_one_is_nan():
    assert math.isnan(learning_rate_now(create_optimizer("cocob")))


@pytest.mark.parametrize(
    "text, kept",
    [("sgd", 0), ("sgd(weight_decay=0.1)", 0), ("sgd(use_ema=True)", 1), ("sgd(momentum=0.9)", 1)],
)
def test_sgd_keeps_a_momentum_only_where_there_is_one(text, kept):
    optimizer = create_optimizer(text, learning_rate=0.1)
    variable = tf.Variable([[2.0], [4.0]])
    for _ in range(2):
        optimizer.apply_gradients([(tf.IndexedSlices([[1.0]], [1], [2, 1]), variable)])

    assert sum(one.shape == variable.shape for one in optimizer.variables) == kept
    if text == "sgd":
        # Two steps of 0.1 on the second row.
        np.testing.assert_allclose(variable, [[2.0], [3.8]], rtol=1e-6)


# --- Weight decay --------------------------------------------------------------------

SGD_OF_BOTH_CLASSES = ["sgd", "lookahead(optimizer='sgd', sync_period=9)"]


@pytest.mark.parametrize("text", SGD_OF_BOTH_CLASSES)
def test_decay_follows_the_schedule_and_spares_vectors_in_both_classes(text):
    arguments = {"learning_rate": steps_down(0.1), "weight_decay": 0.2}

    w, b = moved(text, **arguments)
    # 2 - 0.1 * 0.2 * 2 - 0.1 * 0.5, and 1 - 0.1 * 0.5.
    np.testing.assert_allclose(w, [[1.91]], rtol=1e-6)
    np.testing.assert_allclose(b, [0.95], rtol=1e-6)

    w, b = moved(text, steps=2, **arguments)
    # 1.91 - 0.01 * 0.2 * 1.91 - 0.01 * 0.5, and 0.95 - 0.01 * 0.5.
    np.testing.assert_allclose(w, [[1.90118]], rtol=1e-6)
    np.testing.assert_allclose(b, [0.945], rtol=1e-6)


# LAMB and LARS decay inside their ratio; the updates of Adafactor and FTRL depend on `w`.
@pytest.mark.parametrize(
    "name",
    sorted(
        set(PLAIN) - {"adafactor", "adamw", "cocob", "conditional_gradient", "ftrl", "lamb", "lars"}
    ),
)
def test_decay_is_rate_times_decay_times_weight_for_each(name):
    w, b = moved(f"{name}(weight_decay=0.2)", learning_rate=0.1)
    undecayed_w, undecayed_b = moved(name, learning_rate=0.1)

    np.testing.assert_allclose(undecayed_w - w, [[0.1 * 0.2 * 2.0]], rtol=1e-4)
    np.testing.assert_array_equal(b, undecayed_b)


@pytest.mark.parametrize("name", ["adafactor", "ftrl"])
def test_decay_of_updates_that_depend_on_the_weight_spares_vectors_too(name):
    w, b = moved(name, learning_rate=0.1, weight_decay=0.2)
    undecayed_w, undecayed_b = moved(name, learning_rate=0.1)

    assert w < undecayed_w
    np.testing.assert_array_equal(b, undecayed_b)


def test_adamw_decays_by_default_alike_in_both_classes():
    # Adam's first step is the rate: 2 - 0.1 - 0.1 * 0.004 * 2.
    for text in ("adamw", "lookahead(optimizer='adamw', sync_period=9)"):
        w, b = moved(text, learning_rate=0.1)
        np.testing.assert_allclose(w, [[1.8992]], rtol=1e-5)
        np.testing.assert_allclose(b, [0.9], rtol=1e-5)
    w, _ = moved("adamw(weight_decay=0.0)", learning_rate=0.1)
    np.testing.assert_allclose(w, [[1.9]], rtol=1e-6)


def test_lamb_decays_inside_the_ratio_and_leaves_vectors_to_adam():
    w, b = tf.Variable([[3.0], [4.0]]), tf.Variable([1.0])
    optimizer = create_optimizer("lamb", learning_rate=0.1, weight_decay=0.2)

    gradients = tf.constant([[0.5], [-0.5]]), tf.constant([0.5])
    optimizer.apply_gradients(zip(gradients, (w, b), strict=True))

    # Adam's direction is [1, -1]; with decay [1 + 0.6, -1 + 0.8] = [1.6, -0.2], of norm
    # sqrt(2.6); |w| = 5.
    ratio = 5 / math.sqrt(2.6)
    np.testing.assert_allclose(w, [[3 - 0.1 * ratio * 1.6], [4 + 0.1 * ratio * 0.2]], rtol=1e-5)
    np.testing.assert_allclose(b, [0.9], rtol=1e-5)


def test_decay_given_twice_must_be_the_same():
    assert create_optimizer("adam(weight_decay=0.1)", weight_decay=0.1).weight_decay == 0.1
    with pytest.raises(ConfigurationError, match="weight decay must be given once"):
        create_optimizer("swa(optimizer='sgd(weight_decay=0.1)')", weight_decay=0.2)
    for name in ("cocob", "conditional_gradient"):
        with pytest.raises(ConfigurationError, match=f"weight_decay=0.2 for {name}"):
            create_optimizer(name, weight_decay=0.2, **rate_for(name))


def test_a_sparse_gradient_decays_all_rows_but_for_lazy_adam():
    # Both rows of `used` name row 0: it decays once.
    used = tf.IndexedSlices(tf.ones([2, 1]), tf.constant([0, 0]), tf.constant([2, 1]))
    for text, untouched in (
        ("sgd", 2 - 0.1 * 0.2 * 2),
        ("lookahead(optimizer='sgd', sync_period=9)", 2 - 0.1 * 0.2 * 2),
        ("moving_average(optimizer='sgd')", 2 - 0.1 * 0.2 * 2),
        ("moving_average(optimizer='sgd(momentum=0.9)')", 2 - 0.1 * 0.2 * 2),
        ("lazy_adam", 2.0),
    ):
        table = tf.Variable([[1.0], [2.0]])
        optimizer = create_optimizer(text, learning_rate=0.1, weight_decay=0.2)

        optimizer.apply_gradients([(used, table)])

        step = 0.1 if text == "lazy_adam" else 0.2
        np.testing.assert_allclose(table, [[1 - 0.02 - step], [untouched]], rtol=1e-5)


# --- State ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "adam(weight_decay=0.1)",
        "lars",
        "lamb(weight_decay=0.1)",
        "lookahead(optimizer='lazy_adam', sync_period=3)",
        "moving_average(optimizer='adam(weight_decay=0.1)')",
        "swa(optimizer='sgd(momentum=0.9)', start_averaging=1, average_period=1)",
    ],
)
def test_a_restored_optimizer_goes_on_where_it_was(text, tmp_path):
    def start():
        parts = {"w": tf.Variable([[2.0]]), "b": tf.Variable([1.0])}
        parts["optimizer"] = create_optimizer(text, learning_rate=steps_down())
        return parts, tf.train.Checkpoint(**parts)

    first, checkpoint = start()
    move(first["optimizer"], first["w"], first["b"], steps=2)
    path = checkpoint.write(str(tmp_path / "at"))
    move(first["optimizer"], first["w"], first["b"], gradient=-0.1)
    second, checkpoint = start()

    status = checkpoint.read(path)
    move(second["optimizer"], second["w"], second["b"], gradient=-0.1)

    status.assert_existing_objects_matched()
    assert int(second["optimizer"].iterations) == 3
    for name in ("w", "b"):
        np.testing.assert_array_equal(second[name], first[name])
    swap_in_averages(first["optimizer"], [first["w"]])
    swap_in_averages(second["optimizer"], [second["w"]])
    np.testing.assert_array_equal(second["w"], first["w"])


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # From 0 down to -1, -2, -3. Each average is half the old and half the new.
        ("moving_average(optimizer='sgd(1.0)', average_decay=0.5)", -2.125),
        ("sgd(1.0, use_ema=True, ema_momentum=0.5)", -2.125),
        # Snapshots of the second and third step.
        ("swa(optimizer='sgd(1.0)', start_averaging=1, average_period=1)", -2.5),
    ],
)
def test_the_averages_replace_the_weights(text, expected, scaled):
    optimizer, w, b = create_optimizer(text), tf.Variable([[0.0]]), tf.Variable([0.0])
    if scaled:
        optimizer = keras.mixed_precision.LossScaleOptimizer(
            optimizer, dynamic=False, initial_scale=1
        )
    move(optimizer, w, b, gradient=1.0, steps=3)

    swapped = swap_in_averages(optimizer, [w, b])

    assert swapped
    np.testing.assert_allclose(w, [[expected]], rtol=1e-6)
    np.testing.assert_allclose(b, [expected], rtol=1e-6)


@pytest.mark.parametrize(
    "text", ["adam", "lookahead(optimizer='sgd')", "swa(optimizer='sgd', start_averaging=1)"]
)
def test_weights_without_averages_stay(text):
    optimizer, w, b = create_optimizer(text), tf.Variable([[2.0]]), tf.Variable([1.0])
    move(optimizer, w, b)
    before = w.numpy()

    swapped = swap_in_averages(optimizer, [w, b])

    assert not swapped
    np.testing.assert_array_equal(w, before)


def test_a_frozen_variable_keeps_its_value_when_averages_are_swapped_in():
    optimizer = create_optimizer("moving_average(optimizer='sgd')")
    w, b, frozen = tf.Variable([[2.0]]), tf.Variable([1.0]), tf.Variable([7.0])
    move(optimizer, w, b)

    assert swap_in_averages(optimizer, [frozen, w])

    np.testing.assert_array_equal(frozen, [7.0])


@pytest.mark.parametrize(
    "text", ["sgd(momentum=0.9)", "swa(optimizer='sgd(momentum=0.9, weight_decay=0.1)')"]
)
def test_a_fresh_copy_has_the_settings_and_not_the_past(text):
    rate = steps_down()
    optimizer = keras.mixed_precision.LossScaleOptimizer(create_optimizer(text, learning_rate=rate))
    w, b = tf.Variable([[2.0]]), tf.Variable([1.0])
    move(optimizer, w, b, gradient=5.0, steps=2)

    copy = fresh_copy(optimizer)

    assert type(copy.inner_optimizer) is type(optimizer.inner_optimizer)
    assert learning_rate_now(copy) == pytest.approx(0.1)
    w.assign([[2.0]])
    b.assign([1.0])
    move(copy.inner_optimizer, w, b)
    expected = moved(text, learning_rate=rate)
    np.testing.assert_array_equal(w, expected[0])
    np.testing.assert_array_equal(b, expected[1])
