"""Tests of sslkeras_rotation."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_rotation.rotation import Rotation
from sslkeras_rotation.views import FoldViews, UnfoldViews

import sslkeras
from sslkeras.errors import ConfigurationError, DataError

SEED = tf.constant([3, 4])


def built(task, side=4, encoder="mlp(hidden_sizes=(3,))"):
    views = tf.TensorSpec([None, len(task.quarter_turns), side, side, 1])
    return task.build_model(views, sslkeras.encoders.create(encoder), None)


def test_views_are_counter_clockwise_quarter_turns_in_order():
    image = tf.constant([[1.0, 2.0], [3.0, 4.0]])[tf.newaxis, ..., tf.newaxis]

    views, targets = Rotation().pretext({"image": tf.repeat(image, 3, axis=0)}, SEED)

    assert (views.shape, targets.dtype) == ((3, 4, 2, 2, 1), tf.int32)
    turned = [[[1, 2], [3, 4]], [[2, 4], [1, 3]], [[4, 3], [2, 1]], [[3, 1], [4, 2]]]
    for example in range(3):
        np.testing.assert_array_equal(views[example, ..., 0], turned)
        np.testing.assert_array_equal(targets[example], [0, 1, 2, 3])


def test_targets_are_places_among_the_turns_asked_for():
    image = tf.reshape(tf.range(4.0), [1, 2, 2, 1])

    views, targets = Rotation(quarter_turns=(2, 0)).pretext({"image": image}, SEED)

    np.testing.assert_array_equal(views[0, ..., 0], [[[3, 2], [1, 0]], [[0, 1], [2, 3]]])
    np.testing.assert_array_equal(targets, [[0, 1]])


def test_loss_is_the_mean_cross_entropy_over_all_views():
    targets = tf.constant([[0, 1], [0, 1]])
    # Image 0 is undecided: log 2 for either view. Image 1 gives the true turn p = 3/4 in
    # one view and p = 1/4 in the other: log 4/3 and log 4. (2 log 2 + log 16/3) / 4 = 0.7651
    logits = tf.math.log([[[1.0, 1.0], [1.0, 1.0]], [[3.0, 1.0], [3.0, 1.0]]])

    np.testing.assert_allclose(Rotation().loss()(targets, logits), 0.765067, rtol=1e-5)


def test_folding_and_unfolding_give_back_the_views_in_order():
    views = tf.reshape(tf.range(24.0), [2, 3, 2, 2])

    folded = FoldViews()(views)

    np.testing.assert_array_equal(folded[4], views[1, 1])
    np.testing.assert_array_equal(UnfoldViews(3)(folded), views)


def test_the_encoder_sees_single_images_and_answers_each_view_alone():
    task = Rotation(quarter_turns=(0, 1, 2))
    model, images = built(task), tf.random.stateless_uniform([5, 4, 4, 1], SEED)
    views, _ = task.pretext({"image": images}, SEED)

    logits = model(views)

    assert task.encoders(model)["encoder"].input_shape == (None, 4, 4, 1)
    assert logits.shape == (5, 3, 3)
    # The same image in each place gets the same answer in each place.
    same = model(tf.repeat(views[:, :1], 3, axis=1))
    np.testing.assert_allclose(same[:, 2], logits[:, 0], rtol=1e-5)


def test_saved_model_answers_alike(tmp_path):
    model, views = built(Rotation()), tf.random.stateless_uniform([2, 4, 4, 4, 1], SEED)
    model.save(tmp_path / "model.keras")

    again = keras.models.load_model(tmp_path / "model.keras")

    np.testing.assert_allclose(again(views), model(views), rtol=1e-6)
    assert again.get_layer("encoder").input_shape == (None, 4, 4, 1)


def test_arguments_come_back_in_the_config():
    task = Rotation(quarter_turns=[0, 2])

    assert Rotation(**task.get_config()).quarter_turns == (0, 2)


@pytest.mark.parametrize("turns", [(), (1,), (0, 0), (0, 4), (-1, 0), 3])
def test_impossible_turns_are_refused(turns):
    with pytest.raises(ConfigurationError, match="`quarter_turns` of Rotation must"):
        Rotation(quarter_turns=turns)


def test_a_dataset_of_oblong_images_is_refused_before_training():
    data = tf.data.Dataset.from_tensors({"image": tf.zeros([2, 3, 1])}).repeat(4)

    with pytest.raises(DataError, match="square images.*Received: 2 x 3"):
        Rotation().examples(data, 2)


def test_oblong_images_and_unknown_sizes_are_refused_by_the_pretext():
    with pytest.raises(DataError, match="Received: 2 x 3"):
        Rotation().pretext({"image": tf.zeros([1, 2, 3, 1])}, SEED)
    unknown = tf.TensorSpec([None, None, None, 1])
    with pytest.raises(DataError, match="Received: unknown x unknown"):
        tf.function(Rotation().pretext).get_concrete_function({"image": unknown}, SEED)


def test_drawing_names_the_turns_in_degrees():
    task = Rotation(quarter_turns=(0, 3))
    inputs, targets = task.pretext({"image": tf.zeros([2, 4, 4, 1])}, SEED)

    drawn = task.draw(inputs, targets, tf.constant([[[0.0, 1.0], [0.0, 1.0]]] * 2))

    assert drawn["turned"].shape == (2, 2, 4, 4, 1)
    assert drawn["by"] == ["0, 270", "0, 270"]
    assert drawn["answered"] == ["270, 270", "270, 270"]


def test_learns_which_way_is_up():
    ramp = tf.linspace(0.0, 1.0, 8)[:, tf.newaxis, tf.newaxis] * tf.ones([8, 8, 1])
    data = tf.data.Dataset.from_tensors({"image": ramp}).repeat(64)

    run = sslkeras.pretrain(
        Rotation(), data, "mlp(hidden_sizes=(8,))", steps=40, batch_size=32, learning_rate=0.05
    )

    assert run.history[-1]["accuracy"] > 0.9  # Chance is 0.25.
