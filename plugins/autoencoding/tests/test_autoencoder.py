"""Tests of sslkeras_autoencoding.autoencoder and what only it uses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_autoencoding.autoencoder import Autoencoder
from sslkeras_autoencoding.baselines import baselines
from sslkeras_autoencoding.mean_image_error import MeanImageError
from sslkeras_autoencoding.squared_error import SquaredError

from sslkeras import tasks
from sslkeras.datasets import ArraySplit, Given
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.training.surrogate_model import as_surrogate_model

SEED = tf.constant([1, 2])
MLP = {"form": "mlp", "hidden_sizes": (12, 9), "code_dim": 4}
CONV = {"code_dim": 4, "decoder_filters": (6, 5)}


def trunk(shape, name="encoder"):
    """A trunk that gives a map."""
    image = keras.Input(shape)
    return keras.Model(image, keras.layers.Conv2D(3, 3, strides=2)(image), name=name)


def vector_trunk(shape, name="encoder"):
    """A trunk that gives a vector."""
    image = keras.Input(shape)
    flat = keras.layers.Flatten()(image)
    return keras.Model(image, keras.layers.Dense(5)(flat), name=name)


def build(task, shape=(7, 9, 2), encoder=trunk):
    return task.build_model(tf.TensorSpec((None, *shape)), encoder, None)


def images(count=5, shape=(7, 9, 2), seed=0):
    return np.random.default_rng(seed).uniform(size=(count, *shape)).astype("float32")


def test_input_and_target_are_the_image():
    image = tf.constant(images())

    inputs, targets = Autoencoder().pretext({"image": image}, SEED)

    np.testing.assert_array_equal(inputs, image)
    np.testing.assert_array_equal(targets, image)


def test_pretext_maps_over_batches_of_unknown_size():
    stored = (images(10) * 255).astype("uint8")
    task = Autoencoder()

    examples = task.examples(ArraySplit({"image": stored}), 4, training=False)

    assert examples.element_spec[0].shape == (None, 7, 9, 2)
    inputs = np.concatenate([inputs for inputs, _ in examples])
    np.testing.assert_allclose(inputs, stored / 255.0, rtol=1e-6)


@pytest.mark.parametrize(
    ("config", "encoder"),
    [(CONV, trunk), (CONV, vector_trunk), (MLP, None)],
    ids=["map", "vector", "mlp"],
)
def test_saved_model_answers_alike_and_its_encoder_is_found_by_name(tmp_path, config, encoder):
    task, x = Autoencoder(**config), images()
    model = build(task, encoder=encoder)
    model.save(tmp_path / "model.keras")

    again = keras.models.load_model(tmp_path / "model.keras")

    assert model.output_shape == (None, 7, 9, 2)
    np.testing.assert_allclose(again(x), model(x), rtol=1e-5, atol=1e-6)
    code = again.get_layer("encoder")(x)
    assert code.shape == (5, 4)
    np.testing.assert_allclose(code, task.encoders(model)["encoder"](x), rtol=1e-5, atol=1e-6)
    # The trunk is what the code is made from.
    features = tf.reshape(task.encoders(again)["trunk"](x), (5, -1))
    by_hand = again.get_layer("encoder").get_layer("code")(features)
    np.testing.assert_allclose(by_hand, code, rtol=1e-5, atol=1e-6)
    assert task.encoders(again).keys() == task.encoder_reads().keys()


@pytest.mark.parametrize("config", [CONV, MLP], ids=["conv", "mlp"])
def test_code_of_an_image_does_not_depend_on_its_batch(config):
    encoder = build(Autoencoder(**config)).get_layer("encoder")
    x = images()

    np.testing.assert_allclose(encoder(x)[:1], encoder(x[:1]), rtol=1e-5, atol=1e-6)


def test_mlp_is_logistic_with_a_linear_code_and_linear_output():
    model = build(Autoencoder(form="mlp"), shape=(28, 28, 1))
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")

    hidden = [encoder.get_layer("trunk").get_layer(f"hidden{k}") for k in (1, 2, 3)]
    widths = [decoder.get_layer(f"decode{k}").units for k in (4, 3, 2, 1)]

    assert [layer.units for layer in hidden] == [1000, 500, 250]
    assert {layer.activation.__name__ for layer in hidden} == {"sigmoid"}
    assert encoder.get_layer("code").activation.__name__ == "linear"
    assert widths == [250, 500, 1000, 784]


@pytest.mark.parametrize("tied_init", [True, False])
def test_decoder_starts_as_transpose_if_asked_and_is_free_then(tied_init):
    model = build(Autoencoder(**MLP, tied_init=tied_init))
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    code, decode = encoder.get_layer("code"), decoder.get_layer("decode3")

    assert np.allclose(code.kernel.numpy().T, decode.kernel.numpy()) == tied_init
    code.kernel.assign(tf.zeros_like(code.kernel))
    assert np.abs(decode.kernel).max() > 0


def test_metrics_report_squared_error_of_probabilities_and_of_the_mean_image():
    x = tf.constant([[0, 1, 0.5, 0.25], [1, 1, 0, 0]])
    logits = tf.constant([[0, 2, -1, 0.5], [3, -1, -2, 0.0]])
    error, mean_error = SquaredError(from_logits=True), MeanImageError()

    for row in (0, 1):
        error.update_state(x[row : row + 1], logits[row : row + 1])
        mean_error.update_state(x[row : row + 1], logits[row : row + 1])

    np.testing.assert_allclose(error.result(), 0.6286142761, rtol=1e-6)
    # Each is half the difference (1, 0, .5, .25) from the mean: 1.3125 / 4.
    np.testing.assert_allclose(mean_error.result(), 0.328125, rtol=1e-5)
    mean_error.reset_state()
    mean_error.update_state(x[:1], logits[:1])
    np.testing.assert_allclose(mean_error.result(), 0.0, atol=1e-6)


def test_baselines_are_the_mean_image_and_pca():
    # See the test of the linear autoencoder: PCA leaves out variances 1 and 1/4.
    points = np.concatenate([np.eye(3), -np.eye(3)]) * [2, 1, 0.5]

    figures = baselines(points, points, 1)

    np.testing.assert_allclose(figures["pca"], 2.5 / 6, rtol=1e-6)
    np.testing.assert_allclose(figures["mean_image"], 10.5 / 6, rtol=1e-6)
    np.testing.assert_allclose(baselines(points, points, 2)["pca"], 0.5 / 6, rtol=1e-6)
    with pytest.raises(DataError, match="7 components"):
        baselines(points, points, 7)
    with pytest.raises(DataError, match="one shape"):
        baselines(points, points[:, :2], 1)


def test_greedy_stage_trains_its_own_layer_on_the_frozen_output_of_those_below():
    task = Autoencoder(**MLP, pretrain="greedy", greedy_epochs=2)
    model = build(task)
    stages = task.stages(model)
    encoder = model.get_layer("encoder")
    first = encoder.get_layer("trunk").get_layer("hidden1")
    second = encoder.get_layer("trunk").get_layer("hidden2")
    x = images()

    with tf.GradientTape() as tape:
        output = stages[1].model(x)
        loss = stages[1].loss(x, output)
    gradients = tape.gradient(loss, [first.kernel, second.kernel])

    assert [stage.name for stage in stages] == ["layer1", "layer2", "layer3", "unrolled"]
    assert [stage.epochs for stage in stages] == [2, 2, 2, None]
    assert stages[-1].model is model
    assert gradients[0] is None
    assert np.abs(gradients[1]).max() > 0
    # The target is h1 of the clean image, compared by cross-entropy with the logits.
    h1 = first(x.reshape(5, -1))
    np.testing.assert_allclose(output[:, 12:], h1, rtol=1e-5)
    logits = model.get_layer("decoder").get_layer("decode2")(second(h1))
    terms = keras.losses.binary_crossentropy(h1, logits, from_logits=True)
    np.testing.assert_allclose(loss, 12 * np.mean(terms), rtol=1e-5)


def test_greedy_training_leaves_the_layers_below_as_they_were():
    task = Autoencoder(**MLP, pretrain="greedy")
    model = build(task)
    stage = task.stages(model)[1]
    encoder = model.get_layer("encoder").get_layer("trunk")
    before = [encoder.get_layer(name).kernel.numpy() for name in ("hidden1", "hidden2")]
    x = images(8)

    trained = as_surrogate_model(stage.model)
    trained.compile(keras.optimizers.Adam(0.1), stage.loss, stage.metrics)
    trained.fit(tf.data.Dataset.from_tensors((x, x)), epochs=2, verbose=0)

    np.testing.assert_array_equal(encoder.get_layer("hidden1").kernel, before[0])
    assert np.abs(encoder.get_layer("hidden2").kernel - before[1]).max() > 0.05


def test_config_gives_an_equal_task():
    config = {**MLP, "loss": "sse", "pretrain": "greedy", "greedy_epochs": 3, "tied_init": False}

    again = Autoencoder(**Autoencoder(**config).get_config())

    assert again.get_config() == Autoencoder(**config).get_config()
    assert again.get_config().items() >= config.items()
    assert isinstance(tasks.create("autoencoder(code_dim=8, loss='sse')"), Autoencoder)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"form": "lstm"}, "`form`"),
        ({"form": "mlp", "hidden_sizes": ()}, "`hidden_sizes`"),
        ({"form": "mlp", "hidden_sizes": (0,)}, "`hidden_sizes`"),
        ({"form": "conv", "hidden_sizes": (5,)}, "`hidden_sizes`.*form='mlp'"),
        ({"form": "mlp", "decoder_filters": (5,)}, "`decoder_filters`.*form='conv'"),
        ({"decoder_filters": (0,)}, "`decoder_filters`"),
        ({"code_dim": 0}, "`code_dim`"),
        ({"code_dim": True}, "`code_dim`"),
        ({"code_activation": "tanh"}, "`code_activation`"),
        ({"allow_overcomplete": 1}, "`allow_overcomplete`"),
        ({"loss": "mse"}, "`loss`.*'bce', 'sse'"),
        ({"pretrain": "rbm"}, "rbm.*greedy"),
        ({"pretrain": "greedy"}, "form='mlp'"),
        ({"greedy_epochs": 5}, "`greedy_epochs`.*pretrain='greedy'"),
        ({"form": "mlp", "pretrain": "greedy", "greedy_epochs": 0}, "`greedy_epochs`"),
        ({"tied_init": "yes"}, "`tied_init`"),
    ],
)
def test_impossible_arguments_are_refused(config, message):
    with pytest.raises(ConfigurationError, match=message):
        Autoencoder(**config)


def test_unknown_argument_is_refused_by_name():
    with pytest.raises(ConfigurationError, match="code_dims.*code_dim"):
        tasks.create("autoencoder(code_dims=3)")


def test_code_as_wide_as_the_image_is_refused_unless_allowed():
    with pytest.raises(ConfigurationError, match=r"code_dim=126.*\(7, 9, 2\).*allow_overcomplete"):
        build(Autoencoder(code_dim=126))

    build(Autoencoder(code_dim=125, decoder_filters=(2,)))
    build(Autoencoder(code_dim=126, decoder_filters=(2,), allow_overcomplete=True))


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_pixels_out_of_range_are_refused_with_cross_entropy_only(value):
    batch = {"image": tf.fill([2, 7, 9, 2], value)}

    with pytest.raises(DataError, match=r"\[0, 1\].*loss='bce'"):
        Autoencoder().pretext(batch, SEED)
    with pytest.raises(DataError, match="loss='bce'"):
        Autoencoder().adapt(None, [batch])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Scale the images"):
        tf.function(Autoencoder().pretext)(batch, SEED)
    Autoencoder(loss="sse").pretext(batch, SEED)
    Autoencoder(loss="sse").adapt(None, [batch])


def test_drawings_are_images_in_the_unit_range():
    x = tf.constant(images())

    drawn = Autoencoder().draw(x, x, 9 * x - 4)

    assert list(drawn) == ["image", "reconstruction"]
    np.testing.assert_allclose(drawn["reconstruction"], tf.sigmoid(9 * x - 4))


def test_learns_a_code_that_beats_pca():
    # A bright square at one of 36 places: two numbers say where, but no two linear ones.
    places = [(r, c) for r in range(6) for c in range(6)]
    squares = np.zeros((36, 8, 8, 1), "float32")
    for image, (r, c) in zip(squares, places, strict=True):
        image[r : r + 3, c : c + 3] = 1.0
    keras.utils.set_random_seed(0)
    task = Autoencoder(code_dim=3, decoder_filters=(16, 16))
    data = Given(ArraySplit({"image": np.repeat(squares, 60, axis=0)}))
    examples = task.examples(data.train, 36)
    model = build(task, (8, 8, 1), vector_relu_trunk)
    model.compile(keras.optimizers.Adam(0.005), task.loss(), task.metrics())

    history = model.fit(examples, epochs=6, verbose=0).history

    assert history["squared_error"][-1] < 0.7 * baselines(squares, squares, 3)["pca"]
    np.testing.assert_allclose(
        history["mean_image_error"][-1], baselines(squares, squares, 3)["mean_image"], rtol=1e-3
    )


def vector_relu_trunk(shape, name="encoder"):
    image = keras.Input(shape)
    hidden = keras.layers.Dense(64, activation="relu")(keras.layers.Flatten()(image))
    return keras.Model(image, hidden, name=name)
