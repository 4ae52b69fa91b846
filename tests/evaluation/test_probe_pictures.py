"""Tests of the pictures that probes draw: each shows what the figures were made of."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.evaluation.alignment_error import AlignmentError
from sslkeras.evaluation.anomaly import Anomaly
from sslkeras.evaluation.attribute_error import AttributeClassificationError
from sslkeras.evaluation.cross_modal_retrieval import CrossModalRetrieval
from sslkeras.evaluation.disentanglement import Disentanglement
from sslkeras.evaluation.evaluate import evaluate
from sslkeras.evaluation.finetune import Finetune
from sslkeras.evaluation.flow_epe import FlowEPE
from sslkeras.evaluation.frame_quality import FrameQuality
from sslkeras.evaluation.frame_retrieval import FrameRetrieval
from sslkeras.evaluation.kendall_tau import KendallTau
from sslkeras.evaluation.knn import KNN
from sslkeras.evaluation.label_propagation import LabelPropagation
from sslkeras.evaluation.linear import Linear
from sslkeras.evaluation.localization import Localization
from sslkeras.evaluation.perplexity import Perplexity
from sslkeras.evaluation.phase_classification import PhaseClassification
from sslkeras.evaluation.phase_progression import PhaseProgression
from sslkeras.evaluation.probe import Subject
from sslkeras.evaluation.probe_pictures import slug
from sslkeras.evaluation.retrieval import Retrieval
from sslkeras.evaluation.word_analogy import WordAnalogy
from sslkeras.evaluation.word_similarity import WordSimilarity
from sslkeras.pictures.canvas import displayable
from sslkeras.pictures.confusion import confusion_counts
from sslkeras.pictures.neighbours import spread
from sslkeras.pictures.overlays import OBJECTS
from sslkeras.pictures.sheet import BAD, GOOD, QUERY, Sheet
from sslkeras.task import Task
from tests.evaluation.videos import split_of


def drawn(subject, probe, name):
    """The picture of a probe, after its run."""
    subject.draws = True
    probe.run(subject, 0)
    return subject.drawings[name][0]()


def marks(sheet):
    return [[cell.mark for cell in row] for row in sheet.rows]


def texts(sheet):
    return [[cell.text for cell in row] for row in sheet.rows]


class Stub(Task):
    """A task that answers what it is made of."""

    def __init__(self, reads, **methods):
        super().__init__()
        self.reads = dict.fromkeys(reads, (1,))
        for name, method in methods.items():
            setattr(self, name, method)

    def pretext(self, batch, seed):
        return batch, batch

    def build_model(self, inputs, encoder, data):
        raise NotImplementedError

    def loss(self):
        return keras.losses.MeanSquaredError()


def images(angles):
    """2 x 1 images whose values lie on the unit circle at these angles."""
    angles = np.asarray(angles, np.float32)
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1).reshape(-1, 2, 1, 1)


@pytest.fixture
def circle():
    """Two test examples and what lies near them among the train examples."""
    train = ArraySplit(
        {"image": images([0.5, 0.1, 1.2, 0.95, 0.3]), "label": np.array([0, 0, 1, 1, 1])}
    )
    test = ArraySplit({"image": images([1.1, 0.0, 0.8]), "label": np.array([1, 0, 1])})
    data = Given(train, test, label_names=("flat", "steep"))
    return Subject("pretrained", data, "image", None)


@pytest.mark.parametrize("probe", [KNN(k=3), Retrieval(k=(1,), ndcg_at=2)])
def test_neighbours_stand_beside_their_query_the_nearest_first(circle, probe):
    sheet = drawn(circle, probe, "neighbours")

    # Sorted by class: the test examples at 0.0, 1.1 and 0.8.
    expected = [[0.0, 0.1, 0.3, 0.5, 0.95, 1.2], [1.1, 1.2, 0.95, 0.5, 0.3, 0.1]]
    expected.append([0.8, 0.95, 0.5, 1.2, 0.3, 0.1])
    for row, angles in zip(sheet.rows, expected, strict=True):
        found = np.stack([cell.image for cell in row])
        np.testing.assert_allclose(found, [displayable(i) for i in images(angles)], atol=1e-6)
    assert marks(sheet)[0] == [QUERY, GOOD, BAD, GOOD, BAD, BAD]
    assert texts(sheet)[0] == ["flat", "flat", "steep", "flat", "steep", "steep"]


def test_neighbours_of_the_test_split_leave_out_the_query(circle):
    sheet = drawn(circle, Retrieval(k=(1,), database="test"), "neighbours")

    expected = [images(row) for row in ([0.0, 0.8, 1.1], [1.1, 0.8, 0.0], [0.8, 1.1, 0.0])]
    for row, wanted in zip(sheet.rows, expected, strict=True):
        found = np.stack([cell.image for cell in row])
        np.testing.assert_allclose(found, [displayable(i) for i in wanted], atol=1e-6)


def test_neighbours_by_few_labels_are_labelled_ones(circle):
    probe = KNN(k=2, labels=2)

    sheet = drawn(circle, probe, "neighbours")

    assert all(len(row) == 3 for row in sheet.rows)
    kept = {float(cell.image[0, 0, 0]) for row in sheet.rows for cell in row[1:]}
    assert len(kept) == 2
    train = circle.split("train")
    batch = next(iter(train.batches(5)))
    labels = {float(i[0, 0, 0]): int(n) for i, n in zip(batch["image"], batch["label"])}
    for row in sheet.rows:
        names = {round(float(c.image[0, 0, 0]), 6): c.text for c in row[1:]}
        for value, label in labels.items():
            if round(value, 6) in names:
                assert names[round(value, 6)] == ("flat", "steep")[label]


def test_queries_are_of_as_many_classes_as_there_are():
    labels = np.array([3, 3, 3, 1, 2, 3, 1])

    assert spread(labels, 4).tolist() == [3, 6, 4, 0]
    assert spread(labels, 99).tolist() == [3, 6, 4, 0, 1, 2, 5]
    assert spread(np.array([[1, 0], [0, 1], [1, 0]]), 2).tolist() == [1, 0]
    assert spread(np.array([b"b", b"a", b"b"], object), 2).tolist() == [1, 0]


def test_partners_are_marked_in_both_directions():
    sight = images([0.0, 1.0, 0.6])
    sound = images([0.1, 0.4, 0.9])[..., 0, 0]
    split = ArraySplit({"sight": sight, "sound": sound})
    flat = keras.Sequential([keras.Input((2, 1, 1)), keras.layers.Flatten()])
    same = keras.Sequential([keras.Input((2,)), keras.layers.Activation("linear")])
    subject = Subject(
        "pretrained",
        Given(split, split),
        "sight",
        flat,
        encoders={"eye": flat, "ear": same},
        reads={"eye": "sight", "ear": "sound"},
        draws=True,
    )

    sheet = drawn(subject, CrossModalRetrieval(k=(1,)), "ear to eye")

    # Sounds at 0.1, 0.4, 0.9; nearest sights: 0.0; 0.6 then 0.0 (then the partner); 1.0.
    assert marks(sheet) == [
        [QUERY, GOOD, BAD, BAD],
        [QUERY, BAD, BAD, GOOD],
        [QUERY, BAD, GOOD, BAD],
    ]
    assert [row[0].text for row in sheet.rows] == [f"partner is no. {n}" for n in (1, 3, 2)]
    np.testing.assert_allclose(sheet.rows[1][1].image, displayable(sight[2]), atol=1e-6)
    assert [cell.text for cell in sheet.rows[1]] == [
        "partner is no. 3",
        "example 2",
        "example 0",
        "the partner",
    ]
    # A waveform is no image of the data.
    assert sheet.rows[0][0].image.shape[2] == 3 and subject.drawings.keys() == {
        "eye to ear",
        "ear to eye",
    }


def test_partners_of_the_same_class_are_right_where_there_are_classes():
    sight, sound = images([0.0, 1.0, 0.6]), images([0.1, 0.4, 0.9])[..., 0, 0]
    split = ArraySplit({"sight": sight, "sound": sound, "label": np.array([1, 0, 0])})
    encoders = {
        "eye": keras.Sequential([keras.Input((2, 1, 1)), keras.layers.Flatten()]),
        "ear": keras.Sequential([keras.Input((2,)), keras.layers.Activation("linear")]),
    }
    subject = Subject(
        "pretrained",
        Given(split, split, label_names=("cat", "dog")),
        "sight",
        encoders["eye"],
        encoders=encoders,
        reads={"eye": "sight", "ear": "sound"},
        draws=True,
    )

    sheet = drawn(subject, CrossModalRetrieval(k=(1,)), "ear to eye")

    assert marks(sheet)[1] == [QUERY, GOOD, BAD, GOOD]
    assert [cell.text for cell in sheet.rows[1]] == [
        "cat, partner is no. 3",
        "cat, example 2",
        "dog, example 0",
        "cat, the partner",
    ]


def test_the_confusion_matrix_counts_answers():
    counts = confusion_counts([0, 0, 1, 2, -1], [0, 1, 1, 0, 2], 3)

    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_the_confusion_matrix_of_a_linear_probe_has_its_numbers(circle):
    result = Linear().run(circle, 0)

    figure = drawn(circle, Linear(), "confusion")

    axes = figure.axes[0]
    numbers = {tuple(map(int, t.get_position())): int(t.get_text()) for t in axes.texts}
    # Text lies at (column, row).
    right = sum(count for (column, row), count in numbers.items() if column == row)
    assert sum(numbers.values()) == 3
    assert right / 3 == pytest.approx(result["top-1"])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["flat", "steep"]
    assert f"{result['top-1']:.1%} right" in axes.get_title()


@pytest.fixture
def videos():
    """Test videos of one value that rises; the second one waits for a frame."""
    train = split_of([[0, 1, 2, 3], [0, 1, 2, 3]], [[0, 0, 1, 1]] * 2)
    test = split_of([[0, 1, 2, 3], [0, 0, 1, 2, 3]], [[0, 0, 1, 1], [0, 0, 0, 1, 1]])
    return Subject("pretrained", Given(train, test), "video", None)


def test_the_path_leads_through_the_nearest_frames(videos):
    figure = drawn(videos, KendallTau(), "paths")

    (line,) = figure.axes[0].lines
    assert line.get_xdata().tolist() == [0, 1, 2, 3]
    assert line.get_ydata().tolist() == [0, 2, 3, 4]
    image = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(image[:, 1], [1, 1, 0, 1, 2], atol=1e-6)
    assert figure.axes[0].get_title() == "tau 1.00"


def test_the_path_between_views_is_that_of_the_first_two():
    views = np.arange(6.0).reshape(1, 1, 6, 1, 1, 1) * np.ones((1, 3, 1, 1, 1, 1))
    views[:, 1] = views[:, 1, ::-1]
    split = ArraySplit({"views": views.astype(np.float32)})
    subject = Subject("pretrained", Given(split, split), "views", None)

    figure = drawn(subject, AlignmentError(), "paths")

    assert figure.axes[0].lines[0].get_ydata().tolist() == [5, 4, 3, 2, 1, 0]
    assert figure.axes[0].get_title() == "error 0.500"


def test_nearest_frames_stand_below_the_frames(videos):
    sheet = drawn(videos, FrameRetrieval(), "frames")

    values = [[float(cell.image[0, 0, 0]) for cell in row] for row in sheet.rows]
    assert values == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert marks(sheet) == [[QUERY] * 4, [GOOD, GOOD, GOOD, GOOD]]
    assert texts(sheet)[1] == ["0: phase 0", "2: phase 0", "3: phase 1", "4: phase 1"]


def test_the_confusion_of_phases_is_that_of_the_most_videos(videos):
    figure = drawn(videos, PhaseClassification(videos=(1.0,)), "confusion")

    numbers = {tuple(map(int, t.get_position())): int(t.get_text()) for t in figure.axes[0].texts}
    assert numbers == {(0, 0): 5, (1, 1): 4}


def test_time_to_an_event_is_drawn_beside_what_features_tell(videos):
    result = PhaseProgression().run(videos, 0)

    figure = drawn(videos, PhaseProgression(), "progress")

    truth, predicted = [], []
    for axes in figure.axes:
        line, dashed, solid = axes.lines
        truth.append(dashed.get_ydata())
        predicted.append(solid.get_ydata())
        assert (dashed.get_linestyle(), solid.get_linestyle()) == ("--", "-")
        assert set(line.get_ydata()) == {0}
    truth, predicted = np.concatenate(truth), np.concatenate(predicted)
    share = ((truth - predicted) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
    assert 1 - share == pytest.approx(result["R^2"])


def test_the_nearest_frame_of_another_sequence_stands_below():
    views = np.array([[[0.0, 0.4, 0.8]], [[0.75, 0.3, 0.05]]], np.float32)
    split = ArraySplit(
        {
            "views": views[..., np.newaxis, np.newaxis, np.newaxis],
            "attributes": np.array([[[0, 5], [1, 5], [2, 5]], [[2, 5], [0, 5], [0, 5]]]),
        }
    )
    subject = Subject("raw input", Given(split, split), "views", None)

    sheet = drawn(subject, AttributeClassificationError(), "frames")

    assert marks(sheet) == [[QUERY] * 3, [GOOD, BAD, GOOD]]
    # What never changes is left out.
    assert texts(sheet) == [
        [f"{time}\nin 0, view 0, at {time}" for time in range(3)],
        ["0\nin 1, view 0, at 2", "0\nin 1, view 0, at 1", "2\nin 1, view 0, at 0"],
    ]
    found = [float(cell.image.ravel()[0]) for cell in sheet.rows[1]]
    np.testing.assert_allclose(found, [0.05, 0.3, 0.75], atol=1e-6)


def test_factors_are_drawn_as_they_are_read_from_each_encoder():
    random = np.random.default_rng(0)
    label, place = random.integers(0, 2, 40), random.random(40).astype(np.float32)
    image = np.stack([label, place], axis=-1).reshape(-1, 2, 1, 1).astype(np.float32)
    split = ArraySplit({"image": image, "label": label, "place": place})
    read = keras.Input((2, 1, 1))
    encoders = {
        name: keras.Model(read, keras.layers.Cropping2D(crop)(read)[:, 0, 0])
        for name, crop in (("what", ((0, 1), (0, 0))), ("where", ((1, 0), (0, 0))))
    }
    subject = Subject(
        "pretrained",
        Given(split, split),
        "image",
        encoders["what"],
        encoders=encoders,
        reads=dict.fromkeys(encoders, "image"),
    )
    probe = Disentanglement(content=("label",), pose=("place",))
    result = probe.run(subject, 0)

    axes = drawn(subject, probe, "factors").axes[0]

    scores = np.array(axes.images[0].get_array())
    expected = [
        [result["label from what"], result["label from where"], result["chance of label"]],
        [result["place from what"], result["place from where"], np.nan],
    ]
    np.testing.assert_allclose(np.ma.filled(scores, np.nan), expected)
    assert [t.get_text() for t in axes.get_xticklabels()] == ["what", "where", "chance"]


def test_the_confusion_matrix_of_fine_tuning_has_its_accuracy(circle):
    circle.encoder = keras.Sequential([keras.Input((2, 1, 1)), keras.layers.Conv2D(2, 1)])
    probe = Finetune(labels=(0.5, 1.0), steps=3, batch_size=2)
    result = probe.run(circle, 0)

    axes = drawn(circle, probe, "confusion").axes[0]

    numbers = {tuple(map(int, t.get_position())): int(t.get_text()) for t in axes.texts}
    right = sum(count for (column, row), count in numbers.items() if column == row)
    assert right / sum(numbers.values()) == pytest.approx(
        [value for name, value in result.items() if name.startswith("top-1")][-1]
    )


def test_tokens_are_coloured_by_their_bits():
    def likelihoods(model, batch, seed):
        logs = -tf.cast(batch["tokens"], tf.float32) * np.float32(np.log(2))
        return {"log_likelihood": logs, "token": batch["tokens"], "scored": batch["tokens"] > 0}

    split = ArraySplit({"tokens": np.array([[3, 2, 0, 1, 0, 0], [1, 2, 3, 3, 2, 1]])})
    data = Given(split, split)
    data.vocabulary = ("<pad>", "one", "two", "three")
    task = Stub(["tokens"], token_log_likelihoods=likelihoods)
    subject = Subject("pretrained", data, "tokens", None, task=task, model=0)

    axes = drawn(subject, Perplexity(), "surprise").axes[0]

    found = [(text.get_text(), text.get_bbox_patch() is not None) for text in axes.texts]
    first = [("three", True), ("two", True), ("<pad>", False), ("one", True)]
    assert found[:4] == first  # Padding at the end is left out.
    colours = [sum(text.get_bbox_patch().get_facecolor()[:3]) for text in axes.texts[4:8]]
    assert colours[0] > colours[1] > colours[2] == colours[3]


def tracked(first, video, masks):
    data = Given(*[ArraySplit({"video": video, "masks": masks})] * 2)
    maps = keras.Sequential([keras.Input(video.shape[2:]), first])
    return Subject("pretrained", data, "video", maps)


@pytest.fixture
def bar():
    """A bright column that moves one pixel a frame, and its mask."""
    video = np.zeros((1, 4, 6, 6, 1), np.float32)
    for time in range(4):
        video[0, time, :, time + 1] = 1.0
    return video, (video > 0)


def test_carried_masks_lie_over_the_frames_and_move(bar, tmp_path):
    video, masks = bar
    both = keras.layers.Lambda(lambda x: tf.concat([x, 1 - x], axis=-1))

    sheet = drawn(tracked(both, video, masks), LabelPropagation(context=1), "clips")

    truth, carried = sheet.rows[0]
    assert truth.image.shape == carried.image.shape == (4, 6, 6, 3)
    np.testing.assert_allclose(truth.image, carried.image)
    colour = 0.4 + 0.6 * np.array(OBJECTS[0])
    np.testing.assert_allclose(carried.image[3, 0, 4], colour, atol=1e-6)
    np.testing.assert_allclose(carried.image[3, 0, 1], 0.0)
    assert carried.text == "J 1.00"
    film = Image.open(sheet.save(tmp_path, "clips"))
    assert film.format == "GIF" and film.n_frames == 4
    film.seek(3)
    left, top, _, _ = sheet.box(0, 1)
    pixel = np.asarray(film.convert("RGB"))[top + 3, left + 4 * 17 + 3]
    assert np.abs(pixel / 255 - colour).max() < 0.05


def test_what_was_carried_wrong_is_shown_wrong(bar):
    video, masks = bar
    blind = keras.layers.Lambda(lambda x: tf.ones_like(x))

    sheet = drawn(tracked(blind, video, masks), LabelPropagation(context=1), "frames")

    assert sheet.headings == ["truth", "carried\nJ 0.00"]
    assert np.abs(sheet.rows[0][3].image - sheet.rows[1][3].image).max() > 0.3


def test_predicted_frames_stand_below_the_true_ones():
    video = np.random.default_rng(0).random((5, 3, 12, 12, 1)).astype(np.float32)
    split = ArraySplit({"video": video})

    def predict(model, batch):
        clip = batch["video"]
        return 1 - clip[:, 1:], clip[:, 1:], clip[:, 0]

    task = Stub(["video"], predict_frames=predict)
    subject = Subject("pretrained", Given(split, split), "video", None, task=task)

    sheet = drawn(subject, FrameQuality(metrics=("PSNR",)), "frames")

    assert len(sheet.rows) == 8 and sheet.columns == ["last seen", "step 1", "step 2"]
    np.testing.assert_allclose(sheet.rows[2][0].image, video[1, 0])
    np.testing.assert_allclose(sheet.rows[2][2].image, video[1, 2])
    np.testing.assert_allclose(sheet.rows[3][2].image, 1 - video[1, 2])
    moving = subject.drawings["clips"][0]()
    np.testing.assert_allclose(moving.rows[1][1].image, [video[1, 0], *(1 - video[1, 1:])])
    psnr = -10 * np.log10(((2 * video[1, 1:] - 1) ** 2).mean(axis=(1, 2, 3))).mean()
    assert moving.rows[1][1].text == f"PSNR {psnr:.2f}"


def test_maps_lie_over_their_image_with_the_outline_of_the_truth():
    image = np.zeros((3, 8, 8, 1), np.float32)
    image[:, 4:, 4:] = 1
    image[2] = image[2, ::-1, ::-1]
    masks = image[..., 0] > 0
    masks[1] = False  # Nothing to find: left out.
    split = ArraySplit({"image": image, "masks": masks})
    task = Stub(["image"], localize=lambda model, batch: 0 * batch["image"][..., 0] + model)
    pointer = np.zeros((8, 8), np.float32)
    pointer[6, 6] = 1.0
    subject = Subject("pretrained", Given(split, split), "image", None, task=task, model=pointer)

    sheet = drawn(subject, Localization(), "maps")

    (row,) = sheet.rows
    assert [cell.mark for cell in row] == [None, GOOD, None, BAD]
    assert [cell.text for cell in row[1::2]] == ["IOU 0.06", "IOU 0.00"]
    np.testing.assert_allclose(row[2].image, image[2])
    np.testing.assert_allclose(row[1].image[4, 5], OBJECTS[1], atol=1e-6)
    np.testing.assert_allclose(row[3].image[3, 2], OBJECTS[1], atol=1e-6)
    np.testing.assert_allclose(row[3].image[6, 6], OBJECTS[2], atol=1e-6)


def test_predicted_flow_stands_beside_the_true_one():
    flow = np.zeros((1, 4, 4, 2), np.float32)
    flow[0, :, 2:, 0] = 2.0
    video = np.random.default_rng(0).random((1, 2, 4, 4, 1)).astype(np.float32)
    split = ArraySplit({"video": video, "flow": flow})
    task = Stub(
        ["video"],
        predict_flow=lambda model, batch: {"flow": -batch["flow"], "truth": batch["flow"]},
    )
    subject = Subject("pretrained", Given(split, split), "video", None, task=task)

    sheet = drawn(subject, FlowEPE(), "flow")

    frame, true, found, error, _ = (cell.image for cell in sheet.rows[0])
    np.testing.assert_allclose(frame, video[0, 0])
    np.testing.assert_allclose(true[0, [0, 3]], [[1, 1, 1], [1, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(found[0, [0, 3]], [[1, 1, 1], [0, 1, 1]], atol=1e-6)
    assert error[0, 3].sum() > error[0, 0].sum()
    assert sheet.rows[0][3].text == "EPE 2.00 pixels"


@pytest.fixture
def words():
    names = ["king", "man", "woman", "queen", "apple"]
    vectors = [[0.8, 0.6, 0], [0.6, 0, 0.8], [0, 0.1, 1], [0.2, 0.7, 0.5], [-1, 0, 0.1]]
    task = Stub(["tokens"], word_vectors=lambda model: (names, np.array(vectors)))
    return Subject("pretrained", None, "tokens", None, task=task, model=0)


def test_nearest_words_have_the_largest_cosine(words, tmp_path):
    (tmp_path / "pairs.csv").write_text("king,queen,8\nman,woman,7\nking,apple,1\n")

    sheet = drawn(words, WordSimilarity(path=str(tmp_path / "pairs.csv")), "neighbours")

    unit = np.array([0.8, 0.6, 0]) @ np.array([0.2, 0.7, 0.5]) / np.sqrt(0.78)
    assert [row[0].text for row in sheet.rows] == ["king", "queen", "man", "woman", "apple"]
    assert sheet.rows[0][1].text == f"queen\n{unit:.2f}"
    assert all("king" not in cell.text for cell in sheet.rows[0][1:])
    axes = words.drawings["similarity"][0]().axes[0]
    assert axes.collections[0].get_offsets()[:, 0].tolist() == [8, 7, 1]
    assert "Spearman" in axes.get_title()


def test_answers_are_marked_right_or_wrong(words, tmp_path):
    (tmp_path / "questions.txt").write_text("man king woman queen\nman king woman apple\n")

    sheet = drawn(words, WordAnalogy(path=str(tmp_path / "questions.txt")), "answers")

    assert texts(sheet) == [
        ["man : king = woman : ?", "queen", "queen"],
        ["man : king = woman : ?", "apple", "queen"],
    ]
    assert [row[2].mark for row in sheet.rows] == [GOOD, BAD]


def test_extreme_examples_are_those_with_the_largest_and_smallest_scores():
    def split(values, flags):
        pixels = np.array(values, np.float32).reshape(-1, 1, 1, 1) * np.ones((1, 2, 2, 1))
        return ArraySplit({"image": pixels.astype(np.float32), "anomaly": np.array(flags)})

    data = Given(split([0.0, 0.1], [0, 0]), split([0.05, 0.9, 0.2, 0.6, 0.1], [0, 1, 0, 0, 1]))
    subject = Subject("pretrained", data, "image", None)

    sheet = drawn(subject, Anomaly(), "extremes")

    values = [[round(float(cell.image[0, 0, 0]), 2) for cell in row] for row in sheet.rows]
    assert values == [[0.9, 0.6], [0.1, 0.05]]
    assert marks(sheet) == [[GOOD, BAD], [BAD, GOOD]]
    axes = subject.drawings["scores"][0]().axes[0]
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["normal (3)", "anomalous (2)"]


def test_anomalous_frames_are_shaded_over_time():
    def split(values, flags):
        return split_of(values, None, anomaly=np.array(flags))

    data = Given(
        split([[0, 1, 2]], [[0, 0, 0]]), split([[0, 1, 2], [0, 9, 2]], [[0, 0, 0], [0, 1, 0]])
    )
    subject = Subject("pretrained", data, "video", None)

    figure = drawn(subject, Anomaly(video="video"), "over time")

    # The video with an anomaly comes first.
    assert figure.axes[0].get_ylabel() == "video 1"
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [0, 7, 0], atol=1e-6)
    (span,) = figure.axes[0].patches
    assert (span.get_x(), span.get_width()) == (0.5, 1.0)
    assert len(figure.axes[1].patches) == 0


def test_evaluate_draws_the_pretrained_and_one_random_encoder(run, tmp_path):
    found = evaluate(run, probes=["linear", "knn(k=5)"], seeds=2, output=tmp_path)

    listed = {
        (probe["protocol"], picture["contender"], picture["name"]): picture["file"]
        for probe in json.loads((tmp_path / "evaluation.json").read_text())["probes"]
        for picture in probe["pictures"]
    }
    assert listed == {
        (protocol, contender, name): f"pictures/probes/{slug(protocol)}-{name}{ending}.png"
        for protocol, name in (("linear", "confusion"), ("knn(k=5)", "neighbours"))
        for contender, ending in (("pretrained", ""), ("random init", "-random_init"))
    }
    for file in listed.values():
        assert Image.open(tmp_path / file).size[0] > 100
    assert found["linear"].pictures[0]["caption"].startswith("Test examples by their true class")


def test_a_picture_that_was_drawn_anew_is_no_longer_that_of_an_older_result(run, tmp_path):
    evaluate(run, probes="knn", output=tmp_path)
    run.history = run.history * 2  # Trained for longer.
    evaluate(run, probes="knn", output=tmp_path)

    probes = json.loads((tmp_path / "evaluation.json").read_text())["probes"]

    assert {p["epoch"]: len(p["pictures"]) for p in probes if p["protocol"] == "knn"} == {
        2: 0,
        4: 2,
    }


def test_pictures_can_be_left_out(run, tmp_path):
    found = evaluate(run, probes="linear", pictures=False, output=tmp_path)

    assert found["linear"].pictures == [] and not (tmp_path / "pictures").exists()


def test_pictures_of_several_seeds_are_those_of_the_first(run, tmp_path, monkeypatch):
    from sslkeras.pictures import confusion

    seen = []

    def spy(*args):
        seen.append(args)
        return Sheet([])

    monkeypatch.setattr(confusion, "draw_confusion", spy)
    evaluate(run, probes="linear(labels=12, seeds=3)", output=tmp_path)

    assert len(seen) == 2  # The pretrained encoder, and one random one.


def test_long_protocols_have_names_of_their_own():
    first, second = slug("word_similarity(path='" + "x" * 80 + "a')"), slug("x" * 80)

    assert first != second and len(first) < 80
    assert slug("knn(k=20)") == "knn_k=20"
