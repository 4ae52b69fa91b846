"""Tests of sslkeras_word_prediction.masked_language_model."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sslkeras_word_prediction import choices
from sslkeras_word_prediction.masked_language_model import MaskedLanguageModel
from sslkeras_word_prediction.token_model import TiedTokenModel
from sslkeras_word_prediction.token_scores import TokenPerplexity
from sslkeras_word_prediction.withheld_tokens import (
    MASK,
    PAD,
    WithheldTokens,
    as_text,
    random_codes,
)

import sslkeras
from plugins.word_prediction.tests import small_texts
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.testing.replicas import two_replicas
from sslkeras.training.optimizers import create_optimizer

SEED = tf.constant([3, 4])
TRUNK = "transformer(layers=1, hidden=8, heads=2, max_positions=16, dropout=0.0)"


def batch_of(rows, length=None):
    """A raw batch of texts of 5, 6, 7, ..., each as long as `rows` says."""
    length = length or max(rows)
    place = np.arange(length)
    counts = np.array(rows, np.int32)
    tokens = np.where(place < counts[:, None], place % 7 + 5, 0).astype(np.int32)
    return {"tokens": tf.constant(tokens), "num_tokens": tf.constant(counts)}


def task_of(**arguments):
    return MaskedLanguageModel(**{"short_seq_prob": 0.0, **arguments})


def built(task=None, trunk=TRUNK, data=None):
    keras.utils.set_random_seed(0)
    task, data = task or task_of(max_predictions=3), data or small_texts.small_texts()
    spec = task.examples(data.train, 4).element_spec[0]
    return task.build_model(spec, sslkeras.encoders.create(trunk), data)


# The pretext.


@pytest.mark.parametrize(
    "tokens, expected", [(3, 1), (7, 1), (10, 2), (64, 10), (128, 19), (512, 77)]
)
def test_how_many_tokens_are_chosen(tokens, expected):
    count = tf.constant([tokens])

    np.testing.assert_array_equal(choices.how_many(count, 0.15, 500), [expected])
    np.testing.assert_array_equal(choices.how_many(count, 0.15, 20), [min(expected, 20)])


def test_how_many_rounds_halves_as_python_does():
    counts = np.arange(1, 600)

    found = choices.how_many(tf.constant(counts), 0.15, 500).numpy()

    np.testing.assert_array_equal(found, [max(1, round(0.15 * n)) for n in counts])


def test_unchosen_tokens_stay_and_chosen_ones_are_told():
    batch = batch_of([12, 9, 3], length=12)

    inputs, tokens, weights = task_of(max_predictions=4).pretext(batch, SEED)

    given, shown = batch["tokens"].numpy(), inputs["tokens"].numpy()
    for row, count in enumerate([2, 2, 1]):  # round(.15 * 14), round(.15 * 11), round(.15 * 5)
        places = inputs["positions"].numpy()[row, :count]
        np.testing.assert_array_equal(weights[row], [1] * count + [0] * (4 - count))
        assert (np.diff(places) > 0).all() and places.max() < batch["num_tokens"][row]
        np.testing.assert_array_equal(tokens[row, :count], given[row, places])
        np.testing.assert_array_equal(tokens[row, count:], 0)
        np.testing.assert_array_equal(inputs["positions"][row, count:], 0)
        others = np.setdiff1d(np.arange(12), places)
        expected = np.where(given[row] == 0, PAD, given[row])
        np.testing.assert_array_equal(shown[row, others], expected[others])


def test_chosen_tokens_are_masked_replaced_or_kept_in_the_shares_given():
    task = task_of(max_predictions=10)
    inputs, tokens, weights = task.pretext(batch_of([62] * 3000), SEED)

    shown = tf.gather(inputs["tokens"], inputs["positions"], batch_dims=1).numpy()

    assert weights.numpy().all()  # round(.15 * 64) = 10, as many as there is room for.
    # 30,000 draws: 3 standard deviations of a share of 0.8 are 0.007.
    np.testing.assert_allclose((shown == MASK).mean(), 0.8, atol=0.007)
    np.testing.assert_allclose((shown == tokens.numpy()).mean(), 0.1, atol=0.006)
    np.testing.assert_allclose((shown < MASK).mean(), 0.1, atol=0.006)
    # Every position is equally likely: 3000 * 10 / 62 each, standard deviation 20.
    counts = np.bincount(inputs["positions"].numpy().ravel(), minlength=62)
    np.testing.assert_allclose(counts, 484, atol=90)


def test_the_split_is_as_given():
    batch = batch_of([30] * 50)

    for split, expected in (((1, 0, 0), "mask"), ((0, 1, 0), "random"), ((0, 0, 1), "keep")):
        task = task_of(mask_split=split, max_predictions=5)
        inputs, tokens, _ = task.pretext(batch, SEED)
        shown = tf.gather(inputs["tokens"], inputs["positions"], batch_dims=1).numpy()
        kinds = {"mask": shown == MASK, "random": shown < MASK, "keep": shown == tokens.numpy()}
        assert kinds[expected].all()


def test_a_text_without_tokens_is_left_alone():
    inputs, tokens, weights = task_of(max_predictions=2).pretext(batch_of([0, 1], 4), SEED)

    np.testing.assert_array_equal(inputs["tokens"][0], [PAD] * 4)
    np.testing.assert_array_equal(weights, [[0, 0], [1, 0]])
    np.testing.assert_array_equal(tokens[1], [5, 0])


def test_dynamic_masks_differ_between_visits_and_static_ones_recur():
    batch = batch_of([40] * 200)
    seeds = [tf.constant([3, step]) for step in range(40)]

    def masks(task):
        # One text 200 times: all masks of it that are ever seen.
        seen = [task.pretext(batch, seed)[0]["tokens"].numpy() for seed in seeds]
        return np.unique(np.concatenate(seen), axis=0)

    assert len(masks(task_of(max_predictions=6))) > 7900
    assert len(masks(task_of(max_predictions=6, masking="static"))) == 10
    assert len(masks(task_of(max_predictions=6, masking="static", dupe_factor=3))) == 3


def test_static_masks_are_those_of_the_text_and_spread_evenly():
    random = np.random.default_rng(0)
    tokens = tf.constant(random.integers(5, 1000, (2000, 50)), tf.int32)
    batch = {"tokens": tokens, "num_tokens": tf.fill([2000], 50)}
    task = task_of(max_predictions=8, masking="static", dupe_factor=1)

    inputs, labels, _ = task.pretext(batch, SEED)
    alone = {name: value[7:8] for name, value in batch.items()}

    np.testing.assert_array_equal(
        task.pretext(alone, tf.constant([8, 9]))[0]["tokens"], inputs["tokens"][7:8]
    )
    # 16,000 choices of 50 positions: 320 each, standard deviation 16.
    counts = np.bincount(inputs["positions"].numpy().ravel(), minlength=50)
    np.testing.assert_allclose(counts, 320, atol=75)
    shown = tf.gather(inputs["tokens"], inputs["positions"], batch_dims=1).numpy()
    np.testing.assert_allclose((shown == MASK).mean(), 0.8, atol=0.01)
    np.testing.assert_allclose((shown == labels.numpy()).mean(), 0.1, atol=0.008)


def whole_words(scores, begins, real, count):
    """The reference algorithm: words in order of their scores; what is too long is passed over."""
    words = []
    for place in range(real):
        if begins[place] or not words:
            words.append([place])
        else:
            words[-1].append(place)
    chosen = []
    for word in sorted(words, key=lambda word: -scores[word[0]]):
        if len(chosen) + len(word) <= count:
            chosen += word
    return np.isin(np.arange(len(scores)), chosen)


def test_whole_words_are_chosen_as_in_the_reference():
    random = np.random.default_rng(0)
    scores = random.random((200, 17)).astype(np.float32)
    begins = random.random((200, 17)) < 0.5
    counts = random.integers(0, 18, 200).astype(np.int32)
    wanted = random.integers(1, 6, 200).astype(np.int32)

    chosen = choices.choose_words(
        tf.constant(scores), tf.range(17) < counts[:, None], tf.constant(wanted), begins
    )

    for row in range(200):
        expected = whole_words(scores[row], begins[row], counts[row], wanted[row])
        np.testing.assert_array_equal(chosen[row], expected)


def test_whole_words_through_the_pretext():
    data = small_texts.small_texts(length=12)
    task = task_of(max_predictions=4, mask_prob=0.4, whole_word=True)
    batch = next(iter(task.raw_batches(data.train, 48)))

    inputs, _, weights = task.pretext(batch, SEED)

    assert "begins_word" in task.reads and weights.numpy().sum(axis=1).max() == 4
    for row in range(48):
        chosen = inputs["positions"].numpy()[row][weights.numpy()[row] > 0]
        begins, count = batch["begins_word"].numpy()[row], batch["num_tokens"].numpy()[row]
        for place in range(1, count):
            if not begins[place]:
                assert (place in chosen) == (place - 1 in chosen)


def test_short_texts_are_cut_and_the_rest_is_padding():
    inputs, _, weights = MaskedLanguageModel(max_predictions=6, short_seq_prob=0.5).pretext(
        batch_of([40] * 2000), SEED
    )

    left = (inputs["tokens"].numpy() != PAD).sum(axis=1)

    # Half of them, less the 1 in 39 of those that keep all 40 tokens.
    np.testing.assert_allclose((left < 40).mean(), 0.487, atol=0.034)
    assert left.min() == 2 and set(left[left < 40]) == set(range(2, 40))
    np.testing.assert_array_equal(
        weights.numpy().sum(axis=1), [max(1, round(0.15 * (n + 2))) for n in left]
    )


# The vocabulary.


def test_codes_become_ids():
    codes = tf.constant([[7, PAD, MASK, 0, *random_codes(tf.constant([0.0, 0.5, 0.999])).numpy()]])

    ids = WithheldTokens(10, pad=1, mask=4)(codes)
    ordinary = WithheldTokens(10, pad=1, mask=4, special=(0, 1, 4, 5))(codes)

    np.testing.assert_array_equal(ids, [[7, 1, 4, 0, 0, 5, 9]])
    # The others are 2, 3, 6, 7, 8, 9.
    np.testing.assert_array_equal(ordinary, [[7, 1, 4, 0, 2, 7, 9]])


def test_random_tokens_are_uniform_over_the_vocabulary():
    drawn = tf.random.stateless_uniform([100_000], SEED)

    ids = WithheldTokens(12, 0, 4, special=(0, 1, 2, 3, 4))(random_codes(drawn))

    counts = np.bincount(ids.numpy(), minlength=12)
    np.testing.assert_array_equal(counts[:5], 0)
    np.testing.assert_allclose(counts[5:], 100_000 / 7, rtol=0.03)


def test_texts_are_put_together():
    assert as_text([5, 7, 6, 0], small_texts.PIECES) == "ac b"


# Model and loss.


def test_the_loss_of_given_logits():
    logits = tf.constant([[[2.0, 0, -1, 0.5], [0, 0, 0, 0], [5, 5, 5, 5]]])
    tokens, weights = tf.constant([[0, 3, 1]]), tf.constant([[1.0, 1.0, 0.0]])
    model = built()
    model.compile("sgd")

    np.testing.assert_allclose(model.token_loss(tokens, logits, weights), 0.8643176502, rtol=1e-6)
    metric = TokenPerplexity()
    metric.update_state(tokens, logits, weights)
    np.testing.assert_allclose(metric.result(), np.exp(0.8643219718), rtol=1e-6)


def test_the_loss_is_one_ratio_over_all_replicas():
    strategy = two_replicas()
    # Cross entropies of 1 and 3 on one replica, 8 and one without weight on the other.
    losses, weights = [[[1.0, 3.0]], [[8.0, 5.0]]], [[[1.0, 1.0]], [[1.0, 0.0]]]
    model = built()
    model.compile("sgd")

    def shares(values):
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(values[context.replica_id_in_sync_group])
        )

    def loss(cross_entropy, weights):
        # -log softmax((0, log(e^x - 1)))[0] = x.
        logits = tf.stack([tf.zeros([1, 2]), tf.math.log(tf.exp(cross_entropy) - 1.0)], axis=-1)
        return model.token_loss(tf.zeros([1, 2], tf.int32), logits, weights)

    parts = strategy.run(loss, args=(shares(losses), shares(weights)))

    # (1 + 3 + 8) / 3, where the mean of the replicas' means would be 5.
    np.testing.assert_allclose(strategy.reduce("SUM", parts, axis=None), 4.0, rtol=1e-5)


def test_tied_logits_of_a_given_hidden_vector():
    ids = keras.Input((1,), dtype="int32")
    table = keras.layers.Embedding(3, 2, name="token_embedding")
    trunk = keras.Model(ids, table(ids), name="encoder")
    head = keras.layers.Dense(2, name="head")
    model = TiedTokenModel(ids, head(trunk(ids)))
    table.set_weights([np.array([[1.0, 0], [0, 1], [1, 1]])])
    head.set_weights([np.zeros((2, 2)), np.array([0.5, -1.0])])
    model.output_bias.assign([0, 0.1, 0.2])

    logits = model(tf.constant([[0]]))[0, 0]

    np.testing.assert_allclose(logits, [0.5, -0.9, -0.3], rtol=1e-6)
    np.testing.assert_allclose(tf.nn.softmax(logits), [0.58964839, 0.1454055, 0.2649461], rtol=1e-6)
    model.compile("sgd")
    loss = model.token_loss(tf.constant([[2]]), logits[None, None], tf.constant([[1.0]]))
    np.testing.assert_allclose(loss, 1.3282288619, rtol=1e-6)


def test_the_table_gets_the_gradients_of_input_and_output():
    model = built()
    table = model.get_layer("encoder").get_layer("token_embedding").embeddings
    inputs, tokens, weights = task_of(max_predictions=3).pretext(batch_of([10, 10]), SEED)
    model.compile("sgd")
    assert sum(w is table for w in model.trainable_weights) == 1

    with tf.GradientTape() as tape:
        _, losses = model.losses_of(inputs, tokens, weights, training=False)
    whole = tf.convert_to_tensor(tape.gradient(losses["model"], table))
    step = 1e-2
    for row, column in ((5, 2), (4, 3), (0, 1)):  # Seen and asked; only seen; only in logits.
        ends = []
        for sign in (1, -1):
            kept = table.numpy()
            moved = kept.copy()
            moved[row, column] += sign * step
            table.assign(moved)
            ends.append(float(model.losses_of(inputs, tokens, weights, False)[1]["model"]))
            table.assign(kept)
        slope = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(whole[row, column], slope, rtol=0.03, atol=1e-4)


def test_filling_and_padding_change_nothing():
    model = built()
    task = task_of(max_predictions=3)
    inputs, tokens, weights = task.pretext(batch_of([8, 6], 10), SEED)
    model.compile("sgd")

    def loss(inputs, tokens):
        return float(model.losses_of(inputs, tokens, weights, False)[1]["model"])

    filling = tf.cast(weights == 0, tf.int32)
    assert tf.reduce_sum(filling) > 0
    other = {**inputs, "positions": inputs["positions"] + 2 * filling}
    np.testing.assert_allclose(loss(other, tokens + 3 * filling), loss(inputs, tokens), rtol=1e-6)


def test_logits_of_filling_get_no_gradient():
    model = built()
    model.compile("sgd")
    logits = tf.Variable(tf.random.stateless_normal([1, 3, 4], SEED))
    with tf.GradientTape() as tape:
        loss = model.token_loss(tf.constant([[1, 2, 0]]), logits, tf.constant([[1.0, 1.0, 0.0]]))

    gradient = tape.gradient(loss, logits)

    np.testing.assert_array_equal(gradient[0, 2], 0)
    assert np.abs(gradient[0, :2]).min() > 0


def test_positions_are_gathered_before_the_head():
    model = built()
    inputs, *_ = task_of(max_predictions=3).pretext(batch_of([10]), SEED)

    hidden = model.get_layer("chosen").output
    assert hidden.shape == (None, 3, 8)
    # The vector of position p is that of p + 1 behind [CLS].
    trunk = model.get_layer("encoder")
    ids = model.get_layer("shown_tokens")(inputs["tokens"])
    chosen = model.get_layer("chosen")([trunk(ids), ids, inputs["positions"]])
    place = int(inputs["positions"][0, 1])
    np.testing.assert_allclose(chosen[0, 1], trunk(ids)[0, place + 1])


def test_encoders_are_mean_sequence_and_first_token():
    model, task = built(), task_of(max_predictions=3)
    encoders = task.encoders(model)
    tokens = tf.constant([[5, 6, 7, 0, 0, 0, 0, 0, 0, 0]])

    sequence = encoders["sequence"](tokens)

    assert list(encoders) == list(task.encoder_reads())
    np.testing.assert_allclose(
        encoders["encoder"](tokens), tf.reduce_mean(sequence[:, 1:4], axis=1), atol=1e-6
    )
    np.testing.assert_allclose(encoders["first_token"](tokens), sequence[:, 0])


def test_pictures_show_gaps_and_answers():
    model, task = built(), task_of(max_predictions=3)
    model = built(task)
    inputs, tokens, _ = task.pretext(batch_of([10, 4], 10), SEED)

    columns = task.draw(inputs, tokens, model(inputs))

    assert len(columns["shown"]) == 2 and "[PAD]" not in columns["shown"][1]
    assert columns["withheld"][0].count("\n") == 1  # round(.15 * 12) = 2 tokens.
    assert "%" in columns["answers"][0]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"mask_split": (0.8, 0.1, 0.2)}, "`mask_split` .* must sum to 1"),
        ({"mask_prob": 0.0}, "`mask_prob` .* must be"),
        ({"max_predictions": 0}, "`max_predictions` .* must be"),
        ({"dupe_factor": 5}, "`dupe_factor` .* unless masking='static'"),
        ({"masking": "never"}, "`masking` .* must be"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        MaskedLanguageModel(**arguments)


def test_texts_shorter_than_the_predictions_are_refused():
    with pytest.raises(DataError, match="needs 'tokens' of at least 20"):
        MaskedLanguageModel().check(small_texts.small_texts().train)


def test_vocabularies_without_special_tokens_are_refused():
    data = small_texts.small_texts(("[PAD]", "[UNK]", *"abcdefghij"))
    with pytest.raises(ConfigurationError, match=r"12 tokens without \[CLS\], \[SEP\], \[MASK\]"):
        built(data=data)


def test_trunks_for_another_vocabulary_are_refused():
    with pytest.raises(ConfigurationError, match="7 rows for 12 tokens"):
        built(trunk="transformer(layers=1, hidden=4, heads=1, vocab_size=7)")
    with pytest.raises(ConfigurationError, match="a layer 'token_embedding'"):
        built(trunk="mlp")


def test_learns_to_name_what_was_hidden():
    data = small_texts.small_texts(train=640)
    run = sslkeras.pretrain(
        task_of(max_predictions=3),
        data,
        "transformer(layers=1, hidden=32, heads=2, max_positions=16)",
        steps=400,
        batch_size=64,
        optimizer="adamw",
        learning_rate=3e-3,
        schedule="linear(warmup_steps=40)",
        seed=0,
    )

    counts = np.bincount(next(iter(data.train.batches(640)))["tokens"].numpy().ravel())[5:]
    assert counts.max() / counts.sum() < 0.3
    assert run.history[-1]["val_masked_accuracy"] > 0.5

    tokens = next(iter(data.test.batches(20)))["tokens"].numpy()
    hidden = tokens[:, 3].copy()
    tokens[:, 3] = small_texts.PIECES.index("[MASK]")
    gaps = run.task.fill_gaps(run.model, tokens, 2)
    assert {len(guesses) for one in gaps for guesses in one} == {2}
    assert all(1 >= one[0][0][1] > one[0][1][1] > 0 for one in gaps)
    assert (
        np.mean([one[0][0][0] == small_texts.PIECES[token] for one, token in zip(gaps, hidden)])
        > 0.5
    )
    with pytest.raises(ConfigurationError, match="at most `max_predictions` = 3 gaps. Received: 4"):
        run.task.fill_gaps(run.model, np.full([1, 4], small_texts.PIECES.index("[MASK]")), 2)


def test_lamb_takes_the_step_of_its_paper_and_spares_biases():
    matrix, bias = tf.Variable([[3.0, 4.0]]), tf.Variable([3.0, 4.0])
    optimizer = create_optimizer("lamb", learning_rate=0.1, weight_decay=0.01)

    optimizer.apply_gradients([(tf.constant([[0.1, -0.2]]), matrix)])
    optimizer = create_optimizer("lamb", learning_rate=0.1, weight_decay=0.01)
    optimizer.apply_gradients([(tf.constant([0.1, -0.2]), bias)])

    # Update (1.02999, -0.959995), ratio 5 / 1.408; a bias takes the plain step.
    np.testing.assert_allclose(matrix, [[2.63423704, 4.34090682]], rtol=1e-6)
    np.testing.assert_allclose(bias, [2.900001, 4.0999995], rtol=1e-6)
