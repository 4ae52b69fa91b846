"""Tests of sslkeras_autoencoding.denoising_autoencoder and what only it uses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_autoencoding import corruption
from sslkeras_autoencoding.bias import Bias
from sslkeras_autoencoding.denoising_autoencoder import DenoisingAutoencoder
from sslkeras_autoencoding.reversible_dense import ReversibleDense

from sslkeras import tasks
from sslkeras.datasets import ArraySplit
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.training.surrogate_model import as_surrogate_model

SEED = tf.constant([3, 4])
STACK = {"stacked": True, "hidden_sizes": (9, 6), "layer_corruption": (0.2, 0.5)}

# The worked example: which of six components a noise selects, and what it puts there.
UNIFORMS = tf.constant([[0.1, 0.6, 0.24, 0.9, 0.26, 0.05]])
CLEAN = np.array([[0.5, 0.4, 0.3, 0.2, 0.1, 1]], "float32")


def trunk(shape, name="encoder"):
    """A trunk that gives a map."""
    image = keras.Input(shape)
    return keras.Model(image, keras.layers.Conv2D(3, 3, strides=2)(image), name=name)


def build(task, shape=(7, 9, 2)):
    return task.build_model(tf.TensorSpec((None, *shape)), trunk, None)


def images(count=5, shape=(7, 9, 2), seed=0):
    # Away from 0 and 1, so that every corrupted component differs from the clean one.
    return np.random.default_rng(seed).uniform(0.1, 0.9, (count, *shape)).astype("float32")


def set_weights(layer, *weights):
    layer.set_weights([np.array(weight, "float32") for weight in weights])


def changed(task, clean, seed=SEED):
    return tf.not_equal(task.pretext({"image": clean}, seed)[0], clean).numpy()


def test_bernoulli_masking_drops_components_below_the_level():
    keep, noise = corruption.masking(corruption.selection(UNIFORMS, 0.25, False))

    np.testing.assert_allclose(CLEAN * keep + noise, [[0, 0.4, 0, 0.2, 0.1, 0]])


def test_exact_masking_drops_the_components_with_the_smallest_draws():
    keep, noise = corruption.masking(corruption.selection(UNIFORMS, 0.5, True))

    np.testing.assert_allclose(CLEAN * keep + noise, [[0, 0.4, 0, 0.2, 0.1, 0]])


def test_exact_selection_breaks_ties_by_index():
    selected = corruption.selection(tf.constant([[0.5, 0.2, 0.2, 0.2]]), 0.5, True)

    np.testing.assert_array_equal(selected, [[0, 1, 1, 0]])


def test_salt_and_pepper_puts_extremes_by_a_coin():
    selected = corruption.selection(UNIFORMS, 0.25, False)
    coins = tf.constant([[0.7, 0.2, 0.4, 0.9, 0.1, 0.6]])

    keep, noise = corruption.salt_and_pepper(selected, coins, 0.0, 1.0)

    np.testing.assert_allclose(CLEAN * keep + noise, [[1, 0.4, 0, 0.2, 0.1, 1]])


@pytest.mark.parametrize("kind", ["masking", "salt_and_pepper"])
@pytest.mark.parametrize("exact_count", [True, False])
@pytest.mark.parametrize("stacked", [True, False])
def test_level_zero_leaves_the_image_bit_for_bit(kind, exact_count, stacked):
    levels = {"layer_corruption": (0.0, 0.0, 0.0)} if stacked else {"corruption_level": 0.0}
    task = DenoisingAutoencoder(corruption=kind, exact_count=exact_count, stacked=stacked, **levels)
    clean = images()

    np.testing.assert_array_equal(task.pretext({"image": clean}, SEED)[0], clean)


@pytest.mark.parametrize(("level", "count"), [(0.25, 32), (0.5, 63), (0.1, 13)])
def test_exact_masking_sets_a_rounded_share_to_zero(level, count):
    # 126 components: 31.5 rounds half to even, to 32.
    clean = tf.constant(images())

    corrupted, _ = DenoisingAutoencoder(corruption_level=level).pretext({"image": clean}, SEED)

    zeros = tf.reduce_sum(tf.cast(corrupted == 0, tf.int32), axis=(1, 2, 3))
    np.testing.assert_array_equal(zeros, [count] * 5)
    np.testing.assert_array_equal(corrupted[corrupted != 0], clean[corrupted != 0])


def test_bernoulli_rate_is_the_level():
    clean = tf.constant(images(100))

    hit = changed(DenoisingAutoencoder(corruption_level=0.25, exact_count=False), clean)

    # 12,600 draws: three standard deviations of the rate.
    assert abs(hit.mean() - 0.25) < 3 * np.sqrt(0.25 * 0.75 / hit.size)


def test_salt_and_pepper_takes_either_extreme_equally_often():
    clean = tf.constant(images(100))
    task = DenoisingAutoencoder(corruption="salt_and_pepper", value_range=(-2.0, 3.0), loss="sse")

    corrupted = task.pretext({"image": clean}, SEED)[0].numpy()

    put = corrupted[corrupted != clean.numpy()]
    assert set(np.unique(put)) == {-2.0, 3.0}
    assert abs(np.mean(put == 3.0) - 0.5) < 3 * 0.5 / np.sqrt(put.size)


def test_gaussian_noise_has_its_deviation_and_is_not_clipped():
    clean = tf.constant(images(100))
    task = DenoisingAutoencoder(corruption="gaussian", sigma=0.5)

    corrupted, targets = task.pretext({"image": clean}, SEED)

    noise = (corrupted - clean).numpy()
    assert abs(noise.mean()) < 4 * 0.5 / np.sqrt(noise.size)
    assert abs(noise.std() - 0.5) < 0.01
    assert corrupted.numpy().min() < 0
    np.testing.assert_array_equal(targets, clean)


def test_channels_are_corrupted_together_only_per_pixel():
    clean = tf.constant(images())

    apart = changed(DenoisingAutoencoder(corruption_level=0.5), clean)
    together = changed(DenoisingAutoencoder(corruption_level=0.5, per_pixel=True), clean)

    assert np.any(apart[..., 0] != apart[..., 1])
    np.testing.assert_array_equal(together[..., 0], together[..., 1])
    # 63 pixels: 31.5 rounds to 32.
    np.testing.assert_array_equal(together[..., 0].sum(axis=(1, 2)), [32] * 5)


def test_noise_comes_from_the_seed_alone_and_differs_between_examples():
    clean, task = tf.constant(images()), DenoisingAutoencoder()

    hit = changed(task, clean)

    np.testing.assert_array_equal(hit, changed(task, clean))
    assert np.any(hit != changed(task, clean, tf.constant([3, 5])))
    assert np.any(hit[0] != hit[1])


def test_each_epoch_has_new_noise_and_never_touches_the_target():
    clean = images(4)
    task = DenoisingAutoencoder(corruption_level=0.5)
    examples = task.examples(ArraySplit({"image": clean}), 4, seed=7)

    (first,), (second,) = list(examples), list(examples)

    for _, targets in (first, second):
        assert {row.tobytes() for row in targets.numpy()} == {row.tobytes() for row in clean}
    # Rows in the order of the stored images, to compare the masks.
    masks = [(i.numpy() == 0)[np.argsort(t[:, 0, 0, 0])] for i, t in (first, second)]
    assert np.any(masks[0] != masks[1])


def test_pretext_maps_over_batches_of_unknown_size():
    task = DenoisingAutoencoder()

    examples = task.examples(ArraySplit({"image": images(5)}), 2, training=False)

    assert examples.element_spec[0].shape == (None, 7, 9, 2)
    for inputs, targets in examples:
        np.testing.assert_array_equal(tf.math.count_nonzero(inputs != targets, (1, 2, 3)), 32)


def test_emphasised_targets_carry_what_was_corrupted():
    clean = tf.constant(images())
    task = DenoisingAutoencoder(beta=0.5, loss="sse")

    corrupted, targets = task.pretext({"image": clean}, SEED)

    np.testing.assert_array_equal(targets[..., :2], clean)
    np.testing.assert_array_equal(targets[..., 2:], corrupted != clean)
    errors = tf.square(corrupted - clean)
    np.testing.assert_allclose(
        task.loss().call(targets, corrupted), tf.reduce_sum(errors, (1, 2, 3)), rtol=1e-5
    )


def test_tied_weights_give_the_worked_numbers():
    layer, bias = ReversibleDense(1), Bias()
    layer.build((None, 2))
    bias.build((None, 2))
    set_weights(layer, [[1], [-2]], [0.5])
    set_weights(bias, [0.1, -0.1])
    x = tf.constant([[1, 0.5], [0, 1]])
    loss = DenoisingAutoencoder().loss()

    linear, logistic = layer(x), tf.sigmoid(layer(x))

    np.testing.assert_allclose(linear[:, 0], [0.5, -1.5])
    np.testing.assert_allclose(
        loss.call(x, bias(layer(linear, reverse=True))), [1.2748232756, 0.2739801861], rtol=1e-6
    )
    np.testing.assert_allclose(logistic[:, 0], [0.6224593312, 0.1824255238], rtol=1e-6)
    np.testing.assert_allclose(
        loss(x, bias(layer(logistic, reverse=True))), 1.5482234645, rtol=1e-6
    )


@pytest.mark.parametrize("emphasis", [{}, {"alpha": 1, "beta": 0}])
def test_second_stage_restores_the_clean_output_of_the_first_layer(emphasis):
    # The worked stack: h = [0.92414182, 0.5], its second component masked.
    task = DenoisingAutoencoder(
        stacked=True, hidden_sizes=(2, 1), layer_corruption=(0, 0.5), **emphasis
    )
    model = build(task, shape=(2,))
    set_weights(model.get_layer("hidden1"), [[1, -1], [2, 0]], [0, 0.5])
    set_weights(model.get_layer("hidden2"), [[0.5], [-1]], [0.25])
    set_weights(model.get_layer("decode2"), [-0.1, 0.2])
    stage = task.stages(model)[1]
    inputs = {
        "image": tf.constant([[0.5, 1]]),
        "keep": tf.constant([[1.0, 0]]),
        "noise": tf.constant([[0.0, 0]]),
    }

    with tf.GradientTape() as tape:
        output = stage.model(inputs)
        loss = stage.loss(inputs["image"], output)
    weights = [model.get_layer(f"hidden{k}").kernel for k in (1, 2)]
    below, own = tape.gradient(loss, weights)

    np.testing.assert_allclose(
        output[0, :4], [0.2354292968, -0.4708585936, 0.92414182, 0.5], rtol=1e-5
    )
    # Full emphasis leaves log(1 + exp(a)) - a / 2 of the masked component.
    masked = np.log1p(np.exp(-0.4708585936)) + 0.4708585936 / 2
    np.testing.assert_allclose(loss, masked if emphasis else 1.3208125641, rtol=1e-5)
    assert below is None
    assert np.abs(own).max() > 0


@pytest.mark.parametrize("kind", ["masking", "salt_and_pepper", "gaussian"])
@pytest.mark.parametrize("tied", [True, False])
def test_stages_train_one_layer_each_with_noise_from_the_seed(kind, tied):
    config = {**STACK, "corruption": kind, "tied": tied}
    if kind == "gaussian":
        del config["layer_corruption"]
    task = DenoisingAutoencoder(**config, layer_epochs=3)
    model = build(task)
    stage = task.stages(model)[1]
    batch = {"image": tf.constant(images(8))}
    before = model.get_layer("hidden1").kernel.numpy(), model.get_layer("hidden2").kernel.numpy()

    (inputs, targets), again = stage.pretext(batch, SEED), stage.pretext(batch, SEED)
    trained = as_surrogate_model(stage.model)
    trained.compile(keras.optimizers.Adam(0.1), stage.loss, stage.metrics)
    trained.fit(tf.data.Dataset.from_tensors((inputs, targets)), epochs=2, verbose=0)

    assert stage.epochs == 3
    assert inputs["keep"].shape == inputs["noise"].shape == (8, 9)
    np.testing.assert_array_equal(inputs["image"], batch["image"])
    np.testing.assert_array_equal(inputs["noise"], again[0]["noise"])
    if kind != "gaussian":
        # round(0.5 * 9) = round(4.5) = 4, half to even.
        np.testing.assert_array_equal(tf.reduce_sum(1 - inputs["keep"], axis=1), [4] * 8)
    np.testing.assert_array_equal(model.get_layer("hidden1").kernel, before[0])
    assert np.abs(model.get_layer("hidden2").kernel - before[1]).max() > 0.05


@pytest.mark.parametrize(
    "config",
    [
        {"code_dim": 5},
        {"form": "mlp", "hidden_sizes": (5,)},
        {"form": "mlp", "hidden_sizes": (5,), "tied": False},
        STACK,
        {**STACK, "tied": False},
    ],
    ids=["conv", "tied", "untied", "tied stack", "untied stack"],
)
def test_saved_model_answers_alike_and_gives_its_encoder(tmp_path, config):
    task, x = DenoisingAutoencoder(**config), images()
    model = build(task)
    for variable in model.trainable_variables:
        # Biases that are not 0 tell one layer from another.
        variable.assign_add(tf.random.stateless_normal(variable.shape, (0, 1), stddev=0.1))
    model.save(tmp_path / "model.keras")

    again = keras.models.load_model(tmp_path / "model.keras")

    assert model.output_shape == (None, 7, 9, 2)
    np.testing.assert_allclose(again(x), model(x), rtol=1e-5, atol=1e-6)
    encoder = task.encoders(again)["encoder"]
    np.testing.assert_allclose(encoder(x), task.encoders(model)["encoder"](x), atol=1e-6)
    assert encoder.output_shape == (None, 6 if "stacked" in config else 5)
    assert task.encoders(again).keys() == task.encoder_reads().keys()
    # Tied weights stay one variable.
    assert len(again.trainable_variables) == len(model.trainable_variables)


def test_basic_form_is_a_logistic_layer_and_its_transpose():
    model, x = build(DenoisingAutoencoder(form="mlp", hidden_sizes=(5,))), images()
    kernel, bias = model.get_layer("hidden1").get_weights()
    model.get_layer("decode1").bias.assign(tf.range(126.0))

    y = 1 / (1 + np.exp(-(x.reshape(5, -1) @ kernel + bias)))

    logits = y @ kernel.T + np.arange(126.0)
    np.testing.assert_allclose(model(x), logits.reshape(x.shape), rtol=1e-4, atol=1e-5)
    # The encoder holds no weight of the way back.
    assert len(DenoisingAutoencoder(form="mlp").encoders(model)["encoder"].weights) == 2
    # U(-4r, 4r), r = sqrt(6 / (126 + 5)).
    assert 0.95 < np.abs(kernel).max() / (4 * np.sqrt(6 / 131)) <= 1


def test_logistic_forms_take_vectors():
    task = DenoisingAutoencoder(form="mlp", hidden_sizes=(5,))
    split = ArraySplit({"image": images(shape=(6,))})

    examples = task.examples(split, 5)
    model = build(task, shape=(6,))

    inputs, targets = next(iter(examples))
    assert model(inputs).shape == targets.shape == (5, 6)
    assert task.draw(inputs, targets, model(inputs)) == {}


def test_drawings_show_clean_corrupted_and_restored_images():
    task = DenoisingAutoencoder(beta=0.5, corruption="masking")
    inputs, targets = task.pretext({"image": tf.constant(images())}, SEED)

    drawn = task.draw(inputs, targets, 9 * inputs)

    np.testing.assert_array_equal(drawn["clean"], images())
    np.testing.assert_array_equal(drawn["corrupted"], inputs)
    np.testing.assert_allclose(drawn["restored"], tf.sigmoid(9 * inputs))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"corruption": "gaussian", "sigma": 0.1, "loss": "sse"},
        {"corruption": "salt_and_pepper", "value_range": [-1, 2], "per_pixel": True},
        {**STACK, "alpha": 1, "beta": 0.5, "layer_epochs": 2, "tied": False},
    ],
)
def test_config_gives_an_equal_task(config):
    task = DenoisingAutoencoder(**config)

    assert DenoisingAutoencoder(**task.get_config()).get_config() == task.get_config()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"form": "lstm"}, "`form`"),
        ({"form": "conv", "stacked": True}, "`form`"),
        ({"corruption": "blur"}, "`corruption`"),
        ({"corruption_level": 1.0}, "`corruption_level`"),
        ({"corruption_level": -0.1}, "`corruption_level`"),
        ({"corruption_level": 0.2, "corruption": "gaussian"}, "`corruption_level`.*left out"),
        ({"corruption_level": 0.2, "stacked": True}, "`corruption_level`.*left out"),
        ({"sigma": 0.2}, "`sigma`.*left out"),
        ({"sigma": 0.0, "corruption": "gaussian"}, "`sigma`"),
        ({"exact_count": 1}, "`exact_count`"),
        ({"per_pixel": 1}, "`per_pixel`"),
        ({"per_pixel": True, "corruption": "gaussian"}, "`per_pixel`"),
        ({"per_pixel": True, "stacked": True}, "`per_pixel`"),
        ({"value_range": (1, 1)}, "low < high"),
        ({"value_range": (1, 0)}, "`value_range`"),
        ({"loss": "mse"}, "`loss`"),
        ({"alpha": -1}, "`alpha`"),
        ({"alpha": 0, "beta": 0}, "not both be 0"),
        ({"beta": 0.5, "corruption": "gaussian"}, "`beta` must be 1"),
        ({"stacked": "yes"}, "`stacked`"),
        ({"hidden_sizes": (5,)}, "`hidden_sizes`.*left out"),
        ({"form": "mlp", "hidden_sizes": ()}, "`hidden_sizes`"),
        ({"form": "mlp", "hidden_sizes": (5, 4)}, "one width"),
        ({"stacked": True, "hidden_sizes": (5, 4)}, "`layer_corruption` must have one level"),
        ({"stacked": True, "layer_corruption": (0.1, 0.2, 1.0)}, "`layer_corruption`"),
        ({"layer_corruption": (0.1, 0.2, 0.3)}, "`layer_corruption`.*left out"),
        ({"layer_epochs": 3}, "`layer_epochs`.*left out"),
        ({"stacked": True, "layer_epochs": 0}, "`layer_epochs`"),
        ({"tied": True}, "`tied`.*left out"),
        ({"weight_scale": 1.0}, "`weight_scale`.*left out"),
        ({"form": "mlp", "weight_scale": 0}, "`weight_scale`"),
        ({"form": "mlp", "code_dim": 3}, "`code_dim`.*left out"),
        ({"stacked": True, "decoder_filters": (3,)}, "`decoder_filters`.*left out"),
    ],
)
def test_impossible_arguments_are_refused(config, message):
    with pytest.raises(ConfigurationError, match=message):
        DenoisingAutoencoder(**config)


def test_unknown_argument_is_refused_by_name():
    with pytest.raises(ConfigurationError, match="noise.*corruption_level"):
        tasks.create("denoising_autoencoder(noise=0.3)")


def test_per_pixel_noise_of_vectors_is_refused():
    task = DenoisingAutoencoder(form="mlp", per_pixel=True)

    with pytest.raises(ConfigurationError, match="per_pixel.*height, width, channels"):
        task.pretext({"image": tf.constant(images(shape=(6,)))}, SEED)


def test_pixels_out_of_range_need_squared_error_and_a_range_for_the_noise():
    batch = {"image": tf.constant(images()) * 3}
    salted = {"corruption": "salt_and_pepper", "loss": "sse"}

    with pytest.raises(DataError, match="loss='bce'"):
        DenoisingAutoencoder().pretext(batch, SEED)
    with pytest.raises(DataError, match="value_range"):
        DenoisingAutoencoder(**salted).pretext(batch, SEED)
    with pytest.raises(DataError, match="value_range"):
        DenoisingAutoencoder(**salted).adapt(None, [batch])
    DenoisingAutoencoder(loss="sse").pretext(batch, SEED)
    DenoisingAutoencoder(**salted, value_range=(0, 3)).pretext(batch, SEED)


def test_learns_to_fill_in_what_was_masked():
    # Rows or columns are constant, so that each pixel is known from its neighbours.
    rng = np.random.default_rng(0)
    lines = rng.uniform(size=(512, 8, 1, 1)) > 0.5
    stripes = np.broadcast_to(lines, (512, 8, 8, 1)).copy()
    stripes[::2] = stripes[::2].transpose(0, 2, 1, 3)
    keras.utils.set_random_seed(0)
    task = DenoisingAutoencoder(form="mlp", hidden_sizes=(128,), corruption_level=0.5)
    examples = task.examples(ArraySplit({"image": stripes.astype("float32")}), 32, steps=150)
    model = build(task, (8, 8, 1))
    model.compile(keras.optimizers.Adam(0.01), task.loss(), task.metrics())

    history = model.fit(examples, epochs=3, verbose=0).history

    # Half of the 32 bright pixels are lost: the corrupted image is 16 off.
    assert history["squared_error"][-1] < 0.35 * 16
