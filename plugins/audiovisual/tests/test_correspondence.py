"""Tests of sslkeras_audiovisual.correspondence."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl import logging
from sklearn.linear_model import LogisticRegression
from sslkeras_audiovisual.correspondence import AudiovisualCorrespondence

import sslkeras
from sslkeras.datasets import ArraySplit, Given, Order
from sslkeras.encoders.l3net import L3Net
from sslkeras.errors import ConfigurationError, DataError

SEED = tf.constant([3, 4])
SMALL = {
    "embedding_dim": 8,
    "sample_rate": 8000,
    "audio_seconds": 0.1,
    "frame_length": 64,
    "frame_step": 64,
    "fft_length": 64,
    "image_size": 16,
    "max_misalignment": 0.0,
}
TRUNK = "convnet(filters=(6,), strides=(4,), batch_norm=False)"
DIGITS = "sounding_digits(num_examples=64, num_test=16, size=16, digit_size=8, seconds=0.1)"


def batch_of(count, samples=800, clips=None, other=True, side=16):
    """Waveform i is i everywhere at first, then counts samples by thousandths."""
    times = np.arange(samples, dtype=np.float32) / 1e5
    waveform = np.arange(count, dtype=np.float32)[:, None] + times
    clips = np.arange(count) if clips is None else np.asarray(clips)
    batch = {
        "image": tf.random.stateless_uniform([count, side, side, 1], [1, 2]),
        "waveform": tf.constant(waveform),
        "clip": tf.constant(clips, tf.int32),
    }
    if other:
        batch["other_waveform"] = tf.constant(waveform + 1000)
        batch["other_clip"] = tf.constant(clips + 1000, tf.int32)
    return batch


def plain(**arguments):
    """A task that changes neither levels nor images."""
    still = {
        "volume_jitter": 0.0,
        "flip_probability": 0.0,
        "brightness_jitter": 0.0,
        "saturation_jitter": 0.0,
    }
    return AudiovisualCorrespondence(**{**SMALL, **still, **arguments})


def built(task, encoder=TRUNK, data=DIGITS):
    data = sslkeras.datasets.create(data)
    examples = task.examples(data.train, batch_size=8)
    trunk = sslkeras.encoders.create(encoder)
    return task.build_model(examples.element_spec[0], trunk, data), next(iter(examples))


@pytest.fixture(scope="module")
def ave():
    """The task with "ave", its model, and what the model takes."""
    task = AudiovisualCorrespondence(**SMALL)
    model, (inputs, _) = built(task)
    return task, model, inputs


def test_defaults_are_the_papers():
    config = AudiovisualCorrespondence().get_config()

    assert config["variant"] == "ave" and config["embedding_dim"] == 128
    assert config["sample_rate"] == 48000 and config["audio_seconds"] == 1.0
    frames = config["frame_length"], config["frame_step"], config["fft_length"]
    assert frames == (480, 240, 512)
    assert config["pad_end"] and config["log_floor"] == 1e-6
    assert config["image_size"] == 224 and config["volume_jitter"] == 0.1
    assert config["max_misalignment"] == 1.0 and config["align_negatives_to_frames"]
    assert config["negatives"] == "other_video" and config["distance_scale_init"] == 1.0


# The pretext.


@pytest.mark.parametrize("negatives", ["other_video", "in_batch"])
def test_half_of_the_images_get_their_own_sound_the_others_that_of_another_video(negatives):
    task = plain(negatives=negatives)
    batch = batch_of(400, clips=np.arange(400) // 2, other=negatives == "other_video")

    inputs, labels = task.pretext(batch, SEED)

    labels = labels.numpy()
    sources = np.floor(inputs["waveform"][:, 0].numpy()).astype(int)
    own = sources == np.arange(400)
    np.testing.assert_array_equal(own, labels == 1)
    assert abs(labels.mean() - 0.5) < 0.1  # Four deviations.
    apart = sources[labels == 0]
    if negatives == "in_batch":
        assert (apart // 2 != np.flatnonzero(labels == 0) // 2).all()
    else:
        assert (apart >= 1000).all()
    np.testing.assert_array_equal(inputs["image"], batch["image"])


def test_the_same_video_is_never_a_negative_and_without_another_there_is_none():
    task = plain()
    batch = batch_of(64)
    batch["other_clip"] = batch["clip"]
    alone = batch_of(64, clips=np.zeros(64))
    alone["other_clip"] = alone["clip"]

    inputs, labels = task.pretext(batch, SEED)
    _, all_own = task.pretext(alone, SEED)

    sources = np.floor(inputs["waveform"][:, 0].numpy()).astype(int) % 1000
    np.testing.assert_array_equal(sources == np.arange(64), labels.numpy() == 1)
    assert 0 < labels.numpy().sum() < 64
    assert all_own.numpy().all()


def test_sounds_of_both_labels_are_moved_by_whole_frames_around_the_middle():
    # 8000 samples a second and 25 frames: 320 samples a frame; 0.1 s is 2 frames.
    task = plain(max_misalignment=0.1, frame_rate=25.0)
    batch = batch_of(300, samples=800 + 2 * 640 + 100)

    assert task.reads["waveform"] == (800 + 2 * 640,)
    inputs, labels = task.pretext(batch, SEED)

    waves = inputs["waveform"].numpy()
    starts = np.round((waves[:, 0] - np.floor(waves[:, 0])) * 1e5)
    # Of 2180 samples the middle 800 begin at 690.
    frames = (starts - 690) / 320
    for label in (0, 1):
        found = np.round(frames[labels == label]).astype(int)
        # float32 near 1000 tells samples to about 6.
        np.testing.assert_allclose(frames[labels == label], found, atol=0.05)
        assert set(found) == {-2, -1, 0, 1, 2}


def test_levels_of_both_labels_change_alike():
    task = AudiovisualCorrespondence(**{**SMALL, "volume_jitter": 0.2})
    batch = batch_of(600)
    batch["waveform"] = batch["other_waveform"] = tf.ones([600, 800])

    inputs, labels = task.pretext(batch, SEED)

    level = inputs["waveform"][:, 0].numpy()
    for label in (0, 1):
        of = level[labels == label]
        assert 0.8 <= of.min() < 0.83 and 1.17 < of.max() <= 1.2
    assert abs(level[labels == 0].mean() - level[labels == 1].mean()) < 0.04


def test_images_are_cropped_at_random_and_mirrored():
    image = tf.reshape(tf.range(20 * 24, dtype=tf.float32) / 480.0, [1, 20, 24, 1])
    batch = batch_of(200)
    batch["image"] = tf.repeat(image, 200, axis=0)

    inputs, _ = plain().pretext(batch, SEED)
    mirrored, _ = plain(flip_probability=1.0).pretext(batch, SEED)

    places = set()
    for view in inputs["image"].numpy()[..., 0]:
        corner = round(float(view[0, 0]) * 480)
        places.add((corner // 24, corner % 24))
        expected = image[0, corner // 24 :, corner % 24 :, 0][:16, :16]
        np.testing.assert_allclose(view, expected, atol=1e-5)
    assert {row for row, _ in places} == set(range(5))
    assert {column for _, column in places} == set(range(9))
    np.testing.assert_allclose(mirrored["image"], inputs["image"][:, :, ::-1], atol=1e-6)


def test_cuts_between_frames_tell_the_label_and_whole_frames_do_not(caplog):
    # Every frame of a recording begins with a click, as compression or cutting leaves them.
    random = np.random.default_rng(0)
    clicks = np.zeros(2000, np.float32)
    clicks[(2000 // 2 + np.arange(-20, 20) * 40)] = 1.0
    waves = clicks + random.normal(0, 0.05, (400, 2000)).astype(np.float32)
    batch = batch_of(400)
    batch["waveform"], batch["other_waveform"] = tf.constant(waves), tf.constant(waves)

    def heard(aligned):
        logging.set_verbosity(logging.WARNING)
        task = plain(
            max_misalignment=0.05,
            frame_rate=200.0,
            align_negatives_to_frames=aligned,
        )
        inputs, labels = task.pretext(batch, SEED)
        phase = inputs["waveform"].numpy().reshape(400, -1, 40).mean(axis=1)
        reader = LogisticRegression(max_iter=300).fit(phase[:200], labels[:200])
        return reader.score(phase[200:], labels[200:])

    assert heard(aligned=False) > 0.8
    assert "instants at which sounds are cut tell the label" in caplog.text
    assert abs(heard(aligned=True) - 0.5) < 0.14  # Four deviations.


@pytest.mark.parametrize("negatives", ["other_video", "in_batch"])
def test_neither_an_image_nor_a_sound_alone_tells_the_label(negatives):
    data = sslkeras.datasets.create(
        "sounding_digits(num_examples=1000, num_test=1, size=16, digit_size=8, seconds=0.1)"
    )
    task = AudiovisualCorrespondence(**SMALL, negatives=negatives)
    images, sounds, labels = [], [], []
    for number, batch in enumerate(task.examples(data.train, batch_size=100)):
        images.append(batch[0]["image"].numpy().reshape(100, -1))
        spectra = np.abs(np.fft.rfft(batch[0]["waveform"].numpy().reshape(100, -1, 80)))
        sounds.append(np.log(spectra.mean(axis=1) + 0.01))
        labels.append(batch[1].numpy())
        assert number < 10
    labels = np.concatenate(labels)

    for given in (images, sounds):
        given = np.concatenate(given)
        given = (given - given.mean(axis=0)) / (given.std(axis=0) + 1e-6)
        reader = LogisticRegression(C=0.01, max_iter=300).fit(given[:600], labels[:600])
        # 400 examples: a deviation is 0.025.
        assert abs(reader.score(given[600:], labels[600:]) - 0.5) < 0.1


def test_the_second_order_of_sounds_goes_on_where_it_was():
    data = sslkeras.datasets.create(DIGITS)
    task = AudiovisualCorrespondence(**SMALL)
    order = Order(seed=1, epoch=0, steps=8)

    whole = list(task.raw_batches(data.train, 8, order=order).take(4).as_numpy_iterator())
    (third,) = task.raw_batches(data.train, 8, order=order, start=2).take(1).as_numpy_iterator()

    for name in third:
        np.testing.assert_allclose(third[name], whole[2][name], atol=1e-6)
    assert (whole[0]["clip"] != whole[0]["other_clip"]).any()
    last = list(task.raw_batches(data.test, 12).as_numpy_iterator())[-1]
    assert len(last["clip"]) == 4 and len(last["other_clip"]) == 12


# The model.


def test_ave_is_the_distance_of_unit_embeddings_and_close_means_yes(ave):
    task, model, inputs = ave
    encoders = task.encoders(model)

    seen = encoders["image_embedding"](inputs["image"]).numpy()
    heard = encoders["audio_embedding"](inputs["waveform"]).numpy()
    distance = np.linalg.norm(seen - heard, axis=1)

    np.testing.assert_allclose(np.linalg.norm(seen, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(heard, axis=1), 1.0, rtol=1e-5)
    expected = np.stack([distance - 1, 1 - distance], axis=1)  # no, yes
    np.testing.assert_allclose(model(inputs)["logits"], expected, atol=1e-5)


def test_the_loss_of_two_distances_worked_out_by_hand(ave):
    # Distances 0.28284271 and 2: logits (yes, no) of (0.71715729, -0.71715729) and (-1, 1).
    head = ave[1].get_layer("logits")
    logits = head(tf.constant([[0.28284271], [2.0]]))

    np.testing.assert_allclose(logits[:, ::-1], [[0.71715729, -0.71715729], [-1.0, 1.0]], rtol=1e-6)
    probability = tf.nn.softmax(logits)[:, 1]
    np.testing.assert_allclose(probability, [0.80757269, 0.11920292], rtol=1e-5)
    loss = AudiovisualCorrespondence().loss()["logits"](tf.constant([1, 0]), logits)
    np.testing.assert_allclose(loss, 0.17032511, rtol=1e-5)


def test_ave_does_not_see_how_long_its_vectors_were(ave):
    _, model, inputs = ave
    before = model(inputs)["logits"].numpy()

    layer = model.get_layer("image_embedding").get_layer("image_embedding_fc2")
    weights = layer.get_weights()
    layer.set_weights([3.0 * weight for weight in weights])
    longer = model(inputs)["logits"].numpy()
    layer.set_weights(weights)

    np.testing.assert_allclose(longer, before, atol=1e-5)


def test_avol_answers_by_the_loudest_place_of_its_map():
    task = AudiovisualCorrespondence(**SMALL, variant="avol")
    model, (inputs, labels) = built(task)
    model.get_layer("scale").set_weights([np.array([[2.0]]), np.array([-3.0])])

    outputs = model(inputs)
    seen = task.encoders(model)["image_embedding"](inputs["image"]).numpy()
    heard = task.encoders(model)["audio_embedding"](inputs["waveform"]).numpy()

    score = 2.0 * np.einsum("bhwf,bf->bhw", seen, heard) - 3.0
    np.testing.assert_allclose(outputs["map"], 1 / (1 + np.exp(-score)), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(outputs["logits"][:, 1], score.max(axis=(1, 2)), rtol=1e-4)
    np.testing.assert_array_equal(outputs["logits"][:, 0], 0.0)
    loss = task.loss()["logits"](labels, outputs["logits"])
    plain_loss = keras.losses.BinaryCrossentropy(from_logits=True)(
        tf.cast(labels, tf.float32)[:, None], score.max(axis=(1, 2))[:, None]
    )
    np.testing.assert_allclose(loss, plain_loss, rtol=1e-4)


def test_a_score_of_0_costs_log_2_for_both_labels():
    loss = AudiovisualCorrespondence().loss()["logits"]

    for label in (0, 1):
        np.testing.assert_allclose(loss(tf.constant([label]), tf.zeros([1, 2])), 0.69314718)


@pytest.mark.parametrize(("variant", "weights"), [("l3", 131_458), ("ave", 82_176)])
def test_heads_have_the_papers_weights(variant, weights):
    task = AudiovisualCorrespondence(variant=variant)
    inputs = {
        "image": tf.TensorSpec((None, 224, 224, 3)),
        "waveform": tf.TensorSpec((None, 48000)),
    }

    model = task.build_model(inputs, L3Net(), None)

    encoders = task.encoders(model)
    assert encoders["image_encoder"].output_shape == (None, 14, 14, 512)
    assert encoders["audio_encoder"].output_shape == (None, 16, 12, 512)
    if variant == "l3":
        trunks = [e.count_params() for e in encoders.values()]
        assert model.count_params() - sum(trunks) == weights
    else:
        for sense in ("image", "audio"):
            head = encoders[f"{sense}_embedding"].count_params()
            assert head - encoders[f"{sense}_encoder"].count_params() == weights


def test_the_papers_size_takes_a_step():
    random = np.random.default_rng(0)
    data = Given(
        ArraySplit(
            {
                "image": random.integers(0, 256, (2, 256, 256, 3), np.uint8),
                "waveform": random.uniform(-1, 1, (2, 144_000)).astype(np.float32),
                "clip": np.arange(2, dtype=np.int32),
            }
        )
    )

    run = sslkeras.pretrain(
        "audiovisual_correspondence", data, "l3net", steps=1, batch_size=2, learning_rate=1e-4
    )

    assert np.isfinite(run.history[-1]["loss"])


def test_trunks_can_differ_and_sounds_of_any_length_are_judged():
    task = AudiovisualCorrespondence(**SMALL, audio_encoder="mlp(hidden_sizes=(5,))")
    model, (inputs, _) = built(task)
    encoders = task.encoders(model)

    assert encoders["audio_encoder"].output_shape == (None, 5)
    assert encoders["image_encoder"].output_shape == (None, 4, 4, 6)
    longer = np.pad(inputs["waveform"], ((0, 0), (100, 100)), constant_values=0.3)
    np.testing.assert_allclose(
        encoders["audio_embedding"](longer),
        encoders["audio_embedding"](inputs["waveform"]),
        atol=1e-5,
    )
    with pytest.raises(ConfigurationError, match="keeps the spatial layout"):
        built(AudiovisualCorrespondence(**SMALL, variant="avol"), "mlp(hidden_sizes=(5,))")


# What is refused.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "avenet"}, "`variant` of AudiovisualCorrespondence"),
        ({"frame_step": 481}, "`frame_step` <= `frame_length`"),
        ({"image_size": 40}, "multiple of 16.*image_size=40"),
        ({"audio_seconds": 0.009}, "at least one frame of the spectrogram.*432 samples"),
        ({"volume_jitter": 1.0}, "`volume_jitter`"),
        ({"distance_scale_init": 0.0}, "`distance_scale_init`"),
        ({"log_floor": 0}, "`log_floor`"),
        ({"negatives": "same_class"}, "`negatives`"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        AudiovisualCorrespondence(**arguments)


def test_data_of_another_sample_rate_or_too_short_is_refused_before_the_first_step():
    data = sslkeras.datasets.create(DIGITS)

    with pytest.raises(ConfigurationError, match="that of the dataset.*4000.*8000"):
        sslkeras.pretrain(
            AudiovisualCorrespondence(**{**SMALL, "sample_rate": 4000}), data, TRUNK, steps=1
        )
    with pytest.raises(DataError, match="needs 'waveform' of at least 16800"):
        sslkeras.pretrain(
            AudiovisualCorrespondence(**{**SMALL, "max_misalignment": 1.0}), data, TRUNK, steps=1
        )


# What it learns.


def test_it_learns_which_sound_belongs_to_an_image_and_finds_it_end_to_end(tmp_path):
    dark_or_bright = np.arange(256, dtype=np.int32) % 2
    random = np.random.default_rng(0)
    image = 0.3 * random.random((256, 16, 16, 1), np.float32)
    image[np.arange(256), 4:12, 4:12] += 0.6 * dark_or_bright[:, None, None, None]
    time = np.arange(800) / 8000
    pitch = np.where(dark_or_bright, 1500.0, 500.0)[:, None]
    waveform = 0.5 * np.sin(2 * np.pi * (pitch * time + random.random((256, 1))))
    arrays = {
        "image": image,
        "waveform": waveform.astype(np.float32),
        "clip": np.arange(256, dtype=np.int32),
        "label": dark_or_bright,
        "box": np.tile(np.array([4, 4, 12, 12], np.int32), (256, 1)),
    }
    split = ArraySplit(arrays)
    task = AudiovisualCorrespondence(**{**SMALL, "variant": "avol"})

    run = sslkeras.pretrain(
        task,
        Given(split, split),
        "convnet(filters=(8, 8), strides=(2, 2))",
        epochs=12,
        batch_size=32,
        learning_rate=0.01,
        output=tmp_path / "run",
    )
    result = sslkeras.evaluate(run, probes=task.probes[2:], baselines=False, pictures=False)

    # Half of the sounds of other pairs are of the same class: 0.75 is the most to reach.
    assert run.history[-1]["accuracy"] > 0.65
    found = {probe.protocol.partition("(")[0]: probe for probe in result.probes}
    retrieval = found["cross_modal_retrieval"].metrics("pretrained")
    assert retrieval["nDCG@30, image_embedding to audio_embedding"] > 0.9  # By chance 0.5.
    assert 0.0 <= found["localization"].metrics("pretrained")["pointing"] <= 1.0
    drawn = sslkeras.show(run, pictures="withheld", output=tmp_path / "pictures")
    assert [path.name for path in drawn] == ["withheld.png"]


def test_only_avol_has_a_map(ave):
    task, model, _ = ave

    with pytest.raises(ConfigurationError, match="Use variant='avol'"):
        task.localize(model, batch_of(2))
