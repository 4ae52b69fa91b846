"""Tests of sslkeras.training.surrogate_model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.training.strategies import create_strategy
from sslkeras.training.surrogate_model import SurrogateModel, as_surrogate_model

X = np.random.RandomState(0).rand(24, 3).astype(np.float32)
Y = X @ np.array([[1.0], [-2.0], [0.5]], np.float32)


def linear_model(cls=SurrogateModel):
    inputs = keras.Input((3,))
    outputs = keras.layers.Dense(1, kernel_initializer="ones", name="encoder")(inputs)
    return cls(inputs, outputs)


def batches(size=8):
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(size)


def trained(model=None, data=None, epochs=2, optimizer="sgd", **settings):
    model = model or linear_model()
    model.compile(optimizer, keras.losses.MeanSquaredError(), **settings)
    history = model.fit(data or batches(), epochs=epochs, verbose=0).history
    return model, history


def test_it_trains_and_reports_as_keras_does():
    ours, our_history = trained(metrics=[keras.metrics.MeanAbsoluteError(name="mae")])
    theirs = linear_model(keras.Model)
    theirs.compile("sgd", "mse", metrics=["mae"])
    their_history = theirs.fit(batches(), epochs=2, verbose=0).history

    np.testing.assert_allclose(our_history["loss"], their_history["loss"], rtol=1e-5)
    np.testing.assert_allclose(our_history["mae"], their_history["mae"], rtol=1e-5)
    np.testing.assert_allclose(ours.get_weights()[0], theirs.get_weights()[0], rtol=1e-5)


def test_evaluation_weighs_a_smaller_last_batch_by_its_size_and_moves_nothing():
    model, _ = trained()
    before = model.get_weights()

    result = model.evaluate(batches(10), verbose=0, return_dict=True)

    expected = np.mean((model.predict(X, verbose=0) - Y) ** 2)
    assert result["loss"] == pytest.approx(expected, rel=1e-5)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.parametrize("steps", [2, 3, 7])
def test_steps_in_one_call_change_nothing(steps):
    one, _ = trained()
    many, _ = trained(steps_per_execution=steps)

    np.testing.assert_array_equal(many.get_weights()[0], one.get_weights()[0])


def test_steps_at_the_same_time_take_each_batch_once():
    class Ahead(SurrogateModel):
        """Its gradient is the mean of the inputs, whatever the weights: order tells nothing."""

        def losses_of(self, inputs, targets, weights, training):
            outputs = self(inputs, training=training)
            return outputs, {"model": tf.reduce_mean(outputs)}

    data = batches(2).repeat(20)
    one, _ = trained(linear_model(Ahead), data, epochs=3, steps_per_execution=16)
    many, _ = trained(linear_model(Ahead), data, epochs=3, steps_per_execution=16, hogwild=3)

    assert int(many.optimizer.iterations) == int(one.optimizer.iterations) == 3 * 12 * 20
    # Each weight has moved by about 3.6. An update of 0.005 may be lost where two meet.
    np.testing.assert_allclose(many.get_weights()[0], one.get_weights()[0], atol=0.1)


def test_steps_at_the_same_time_learn():
    rate = keras.optimizers.SGD(0.2)
    model, history = trained(optimizer=rate, epochs=200, steps_per_execution=3, hogwild=2)

    np.testing.assert_allclose(model.predict(X, verbose=0), Y, atol=0.1)
    assert history["loss"][-1] < 0.01 < history["loss"][0]


@pytest.mark.parametrize("optimizer", ["adam", keras.optimizers.SGD(momentum=0.9)])
def test_steps_at_the_same_time_need_plain_descent(optimizer):
    with pytest.raises(ConfigurationError, match="`hogwild` needs optimizer='sgd'"):
        linear_model().compile(optimizer, hogwild=2)


def test_accumulated_gradients_make_the_same_update_as_the_whole_batch():
    whole, whole_history = trained(optimizer="adam")
    sliced, sliced_history = trained(optimizer="adam", accumulate=4)

    np.testing.assert_allclose(sliced.get_weights()[0], whole.get_weights()[0], rtol=1e-5)
    np.testing.assert_allclose(sliced_history["loss"], whole_history["loss"], rtol=1e-5)


def test_two_replicas_make_the_same_update_as_one():
    one, one_history = trained()
    strategy = create_strategy("mirrored(devices=2)")
    with strategy.scope():
        two = linear_model()
        two.compile("sgd", keras.losses.MeanSquaredError())
    two_history = two.fit(
        strategy.experimental_distribute_dataset(batches().repeat(2)),
        epochs=2,
        steps_per_epoch=3,
        verbose=0,
    ).history

    np.testing.assert_allclose(two.get_weights()[0], one.get_weights()[0], rtol=1e-5)
    np.testing.assert_allclose(two_history["loss"], one_history["loss"], rtol=1e-5)


def test_clipping_bounds_the_norm_of_the_sum_over_replicas():
    # A rate of 1 moves the weights by the clipped gradient, whose norm is the bound.
    for strategy in (tf.distribute.get_strategy(), create_strategy("mirrored(devices=2)")):
        with strategy.scope():
            model = linear_model()
            model.compile(keras.optimizers.SGD(1.0), keras.losses.MeanSquaredError(), clip_norm=0.5)
        before = model.get_weights()
        model.fit(batches(24), verbose=0)
        moved = [after - b for after, b in zip(model.get_weights(), before)]
        assert np.sqrt(sum(np.sum(m**2) for m in moved)) == pytest.approx(0.5, rel=1e-4)


def test_sample_weights_scale_each_examples_loss():
    weights = np.arange(24, dtype=np.float32)
    data = tf.data.Dataset.from_tensor_slices((X, Y, weights)).batch(24)

    _, history = trained(data=data, epochs=1)

    # The first loss is that of the initial weights, all ones.
    expected = np.mean((X.sum(1) - Y[:, 0]) ** 2 * weights)
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("optimizer", ["adam", "legacy"])
def test_float16_scales_the_loss_and_unscales_the_gradient(optimizer):
    make = {"adam": keras.optimizers.SGD, "legacy": keras.optimizers.legacy.SGD}[optimizer]
    plain, _ = trained(optimizer=make(0.1))
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        inputs = keras.Input((3,))
        outputs = keras.layers.Dense(1, kernel_initializer="ones", dtype="float32")(inputs)
        half, _ = trained(SurrogateModel(inputs, outputs), optimizer=make(0.1))
    finally:
        keras.mixed_precision.set_global_policy(policy)

    assert isinstance(half.optimizer, keras.mixed_precision.LossScaleOptimizer)
    np.testing.assert_allclose(half.get_weights()[0], plain.get_weights()[0], rtol=1e-3)


class TwoPlayers(SurrogateModel):
    """Two weights with an optimizer each: one lowers w^2, the other raises v."""

    def players(self):
        return {
            "down": self.get_layer("a").trainable_variables,
            "up": self.get_layer("b").trainable_variables,
        }

    def losses_of(self, inputs, targets, weights, training):
        outputs = self(inputs, training=training)
        w, v = self.get_layer("a").kernel, self.get_layer("b").kernel
        return outputs, {"down": tf.reduce_sum(w**2), "up": -tf.reduce_sum(v)}


def test_each_player_has_its_own_variables_loss_and_optimizer():
    inputs = keras.Input((1,))
    a = keras.layers.Dense(1, kernel_initializer="ones", name="a", use_bias=False)(inputs)
    outputs = keras.layers.Dense(1, kernel_initializer="ones", name="b", use_bias=False)(a)
    model = TwoPlayers(inputs, outputs)
    model.compile({"down": keras.optimizers.SGD(0.25), "up": keras.optimizers.SGD(0.5)})

    model.fit(tf.data.Dataset.from_tensors((tf.ones([2, 1]), tf.ones([2, 1]))), verbose=0)

    # w: 1 - 0.25 * 2w = 0.5; v: 1 + 0.5 * 1 = 1.5.
    np.testing.assert_allclose(model.get_layer("a").get_weights(), [[[0.5]]])
    np.testing.assert_allclose(model.get_layer("b").get_weights(), [[[1.5]]])


def test_each_player_needs_an_optimizer():
    inputs = keras.Input((1,))
    outputs = keras.layers.Dense(1, name="b")(keras.layers.Dense(1, name="a")(inputs))

    with pytest.raises(ConfigurationError, match="one optimizer for each player"):
        TwoPlayers(inputs, outputs).compile("sgd")


class Queued(SurrogateModel):
    """Counts calls of the places around the update and keeps the last outputs."""

    def build_state(self):
        self.before = tf.Variable(0, trainable=False)
        self.after = tf.Variable(0, trainable=False)
        return self

    def before_update(self, inputs):
        self.before.assign_add(1)

    def after_update(self, inputs, targets, outputs):
        self.after.assign_add(tf.shape(outputs)[0])


def test_the_places_around_the_update_run_in_training_only():
    model = linear_model(Queued).build_state()

    trained(model, epochs=1)
    model.evaluate(batches(), verbose=0)

    assert (model.before.numpy(), model.after.numpy()) == (3, 24)


def test_accumulation_is_refused_where_state_depends_on_the_whole_batch():
    with pytest.raises(ConfigurationError, match="Gradient accumulation needs"):
        linear_model(Queued).compile("sgd", accumulate=2)
    with pytest.raises(ConfigurationError, match="nothing but by its gradients"):
        linear_model(Queued).compile("sgd", hogwild=2)


def test_outputs_by_name_have_losses_and_metrics_by_name():
    inputs = keras.Input((3,))
    outputs = {"a": keras.layers.Dense(1)(inputs), "b": keras.layers.Dense(1)(inputs)}
    model = SurrogateModel(inputs, outputs)
    mse = keras.losses.MeanSquaredError()
    model.compile(
        keras.optimizers.SGD(0.0),
        {"a": mse, "b": mse},
        {"b": [keras.metrics.MeanSquaredError(name="b_error")]},
    )
    data = tf.data.Dataset.from_tensors((X, {"a": Y, "b": Y}))

    result = model.evaluate(data, verbose=0, return_dict=True)

    predicted = model.predict(X, verbose=0)
    errors = {name: np.mean((predicted[name] - Y) ** 2) for name in "ab"}
    assert result["loss"] == pytest.approx(errors["a"] + errors["b"], rel=1e-5)
    assert result["b_error"] == pytest.approx(errors["b"], rel=1e-5)


def test_what_layers_add_to_the_loss_counts():
    inputs = keras.Input((3,))
    dense = keras.layers.Dense(
        1, kernel_initializer="ones", kernel_regularizer=keras.regularizers.L2(0.5)
    )
    model = SurrogateModel(inputs, dense(inputs))
    model.compile("sgd", None)

    # 0.5 * (1 + 1 + 1)
    assert model.evaluate(batches(), verbose=0) == pytest.approx(1.5)


def test_a_metric_by_name_is_refused():
    with pytest.raises(ConfigurationError, match="must be a keras.metrics.Metric. Received: 'mae'"):
        linear_model().compile("sgd", "mse", ["mae"])


def test_a_functional_model_is_adopted_with_its_weights():
    plain = linear_model(keras.Model)

    adopted = as_surrogate_model(plain)

    assert isinstance(adopted, SurrogateModel)
    assert adopted.get_layer("encoder") is plain.get_layer("encoder")
    assert as_surrogate_model(adopted) is adopted


def test_a_model_with_a_step_of_its_own_is_refused():
    class Own(keras.Model):
        def train_step(self, data):
            return {}

    with pytest.raises(ConfigurationError, match="must return a functional keras.Model"):
        as_surrogate_model(linear_model(Own))


def test_it_survives_keras_save_and_load(tmp_path):
    model, _ = trained()
    model.save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras")

    np.testing.assert_allclose(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    assert loaded.get_layer("encoder")


def test_metrics_are_no_weights_of_the_model():
    model, _ = trained(metrics=[keras.metrics.MeanAbsoluteError()])

    assert [w.shape for w in model.get_weights()] == [(3, 1), (1,)]
