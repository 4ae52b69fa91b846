"""Masked language model.

J. Devlin, M.-W. Chang, K. Lee, K. Toutanova, "BERT: Pre-training of Deep Bidirectional
Transformers for Language Understanding", NAACL 2019, https://arxiv.org/abs/1810.04805.
Y. Liu et al., "RoBERTa: A Robustly Optimized BERT Pretraining Approach", 2019,
https://arxiv.org/abs/1907.11692 (a new mask at each visit).
"""

import keras
import numpy as np
import tensorflow as tf

from sslkeras import Task
from sslkeras.encoders import as_encoder
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Choice, Integer, ListOf, Optional, Real
from sslkeras.layers.gelu import Gelu
from sslkeras.layers.tokens import FirstToken, MeanOfTokens
from sslkeras_word_prediction import choices, draws
from sslkeras_word_prediction.token_model import TiedTokenModel, token_embedding
from sslkeras_word_prediction.token_scores import TokenPerplexity, log_likelihoods
from sslkeras_word_prediction.withheld_tokens import (
    MASK,
    PAD,
    WithheldTokens,
    piece_of,
    random_codes,
)

# Copies of a text with masks of their own, in the reference code.
DUPE_FACTOR = 10
_ANSWERS = 3


class MaskedLanguageModel(Task):
    """Names hidden tokens of a text from all others, before and behind them.

    Withheld are 15 % of the tokens, at least one of each text. Of those chosen, 80 % are shown as
    [MASK], 10 % as a token at random and 10 % as they are: [MASK] never occurs in transfer, and
    as any token may be wrong, each position needs a vector that knows the context. With the hidden
    vector h_k at the k-th chosen position and the embedding table E,

        logits_k = LayerNorm(gelu(W h_k + c)) E^T + b
        loss = sum_k w_k (-log softmax(logits_k)[token_k]) / (sum_k w_k + 1e-5)

    over the whole global batch; w is 0 where a text has fewer than `max_predictions`. Copying is
    no answer, as only chosen positions count. BERT's other task, the next sentence, is left out.

    The dataset gives windows of token ids without [CLS] and [SEP], which the trunk adds. Trunks
    take ids and hold their table in the layer "token_embedding", as `transformer` does. The
    encoder that probes judge is the mean over all real tokens; "sequence" has a vector for each
    token, and "first_token" that of [CLS]. This last one gets no gradient of its own here and
    starts cold in transfer.

    Args:
        mask_prob: Share of tokens that are chosen, [CLS] and [SEP] counted. Defaults to 0.15.
        mask_split: Shares of chosen tokens that are shown as [MASK], as a token at random and
            as they are. Defaults to (0.8, 0.1, 0.1).
        max_predictions: Most tokens chosen in a text. Defaults to 20, for 128 tokens.
        masking: "dynamic": another mask at each visit. "static": each text has
            `dupe_factor` masks, as in the reference code. Defaults to "dynamic".
        dupe_factor: Number of those masks; None for 10. Only with masking="static".
        whole_word: Whether all pieces of a word are chosen together. The dataset must say in
            `begins_word` which tokens begin one. Defaults to False.
        random_excludes_special: Whether tokens at random are never special ones. Defaults to
            False, as in the reference code.
        short_seq_prob: Share of texts that are cut to a random length. Defaults to 0.1.

    Raises:
        ConfigurationError: If an argument is out of range or does not go with another; when the
            model is built, if the vocabulary lacks a special token or the trunk has
            another vocabulary.
    """

    probes = ("masked_accuracy",)
    hyperparameters = {
        "mask_prob": Real(0, 1, closed="neither"),
        "mask_split": ListOf(Real(0, 1), length=3),
        "max_predictions": Integer(1),
        "masking": Choice("dynamic", "static"),
        "dupe_factor": Optional(Integer(1), "10"),
        "whole_word": Boolean(),
        "random_excludes_special": Boolean(),
        "short_seq_prob": Real(0, 1),
    }

    def __init__(
        self,
        *,
        mask_prob=0.15,
        mask_split=(0.8, 0.1, 0.1),
        max_predictions=20,
        masking="dynamic",
        dupe_factor=None,
        whole_word=False,
        random_excludes_special=False,
        short_seq_prob=0.1,
    ):
        super().__init__(
            mask_prob=mask_prob,
            mask_split=mask_split,
            max_predictions=max_predictions,
            masking=masking,
            dupe_factor=dupe_factor,
            whole_word=whole_word,
            random_excludes_special=random_excludes_special,
            short_seq_prob=short_seq_prob,
        )
        if abs(sum(mask_split) - 1) > 1e-6:
            raise ConfigurationError(
                "`mask_split` of MaskedLanguageModel must sum to 1. Received: "
                f"mask_split={mask_split}, which sums to {sum(mask_split):g}."
            )
        if dupe_factor is not None and masking != "static":
            raise ConfigurationError(
                "`dupe_factor` of MaskedLanguageModel must be left out unless masking='static'. "
                f"Received: dupe_factor={dupe_factor}, masking={masking!r}."
            )
        self.reads = {"tokens": (max_predictions,), "num_tokens": ()}
        if whole_word:
            self.reads["begins_word"] = (max_predictions,)
        self._vocabulary = None

    def pretext(self, batch, seed):
        """Chooses tokens and hides them.

        Returns:
            A dict of "tokens", int32 `(batch, length)`: ids, and codes for what the vocabulary
            decides (see `WithheldTokens`); and "positions", int32 `(batch, max_predictions)`,
            rising, filled up with 0. The true tokens there, int32 of that shape, 0 in filling.
            Their weights, float32: 1, or 0 in filling.
        """
        tokens = batch["tokens"]
        length = tf.shape(tokens)[1]
        scores, fate, other, cut = self._draw(tokens, seed)
        count = tf.cast(batch["num_tokens"], tf.int32)
        count = self._shortened(count, length, cut)
        real = tf.range(length) < count[:, tf.newaxis]
        # [CLS] and [SEP] count in the share but are never chosen.
        wanted = choices.how_many(count + 2, self.mask_prob, self.max_predictions)
        if self.whole_word:
            begins = tf.cast(batch["begins_word"], tf.bool)
            chosen = choices.choose_words(scores, real, wanted, begins)
        else:
            chosen = choices.choose_tokens(scores, real, wanted)
        positions, weights = choices.positions_of(chosen, self.max_predictions)
        mask, random, _ = self.mask_split
        hidden = tf.where(fate < mask + random, random_codes(other), tokens)
        hidden = tf.where(fate < mask, MASK, hidden)
        shown = tf.where(chosen, hidden, tf.where(real, tokens, PAD))
        labels = tf.gather(tokens, positions, batch_dims=1) * tf.cast(weights, tokens.dtype)
        return {"tokens": shown, "positions": positions}, labels, weights

    def build_model(self, inputs, encoder, data):
        """Builds {"tokens", "positions"} -> logits `(batch, max_predictions, vocabulary)`.

        The positions are gathered first; logits of all tokens are never computed.
        """
        ids = self._special_tokens(data)
        length = inputs["tokens"].shape[1]
        tokens = keras.Input((length,), dtype="int32", name="tokens")
        positions = keras.Input((self.max_predictions,), dtype="int32", name="positions")
        trunk = as_encoder(encoder).for_dataset(data)((length,))
        size = len(data.vocabulary)
        rows, width = token_embedding(trunk).embeddings.shape
        if rows != size:
            raise ConfigurationError(
                "The trunk must have an embedding for each token of the dataset's vocabulary. "
                f"Received: {rows} rows for {size} tokens. Leave out `vocab_size`, or set it to "
                f"{size}."
            )
        special = [n for n, token in enumerate(data.vocabulary) if _is_special(token)]
        seen = WithheldTokens(
            size,
            ids["[PAD]"],
            ids["[MASK]"],
            special if self.random_excludes_special else (),
            name="shown_tokens",
        )(tokens)
        hidden = GatherPositions(name="chosen")([trunk(seen), seen, positions])
        hidden = keras.layers.Dense(
            width,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            name="head",
        )(hidden)
        hidden = Gelu(name="head_gelu")(hidden)
        hidden = keras.layers.LayerNormalization(epsilon=1e-12, name="head_norm")(hidden)
        self._vocabulary = data.vocabulary
        return MaskedTokenModel(
            {"tokens": tokens, "positions": positions}, hidden, name="masked_language_model"
        )

    def loss(self):
        """None: the model has its own, a ratio over the global batch."""
        return None

    def metrics(self):
        return [keras.metrics.SparseCategoricalAccuracy("masked_accuracy"), TokenPerplexity()]

    def encoders(self, model):
        """ "encoder", the mean over real tokens; "sequence", each token; "first_token"."""
        trunk = model.get_layer("encoder")
        pad = model.get_layer("shown_tokens").pad
        tokens = trunk.input
        mean = MeanOfTokens(pad, name="mean_of_tokens")([trunk.output, tokens])
        return {
            "encoder": keras.Model(tokens, mean, name="encoder"),
            "sequence": trunk,
            "first_token": keras.Model(
                tokens, FirstToken(name="first")(trunk.output), name="first_token"
            ),
        }

    def encoder_reads(self):
        return dict.fromkeys(("encoder", "sequence", "first_token"), "tokens")

    def token_log_likelihoods(self, model, batch, seed):
        """Of the tokens that a mask drawn from `seed` hides, for perplexity and accuracy."""
        inputs, tokens, weights = self.pretext(batch, seed)
        return log_likelihoods(model(inputs, training=False), tokens, weights)

    def fill_gaps(self, model, tokens, count):
        """The likeliest pieces for each [MASK] of some texts.

        Args:
            model: The model of this task.
            tokens: int32 `(texts, length)`, padding behind the tokens.
            count: How many pieces.

        Returns:
            Of each text, of each gap, `count` pairs of a piece and its share, the likeliest first.

        Raises:
            ConfigurationError: If a text has more than `max_predictions` gaps.
        """
        gaps = [np.flatnonzero(row == model.get_layer("shown_tokens").mask) for row in tokens]
        if max(map(len, gaps)) > self.max_predictions:
            raise ConfigurationError(
                f"A text must have at most `max_predictions` = {self.max_predictions} gaps. "
                f"Received: {max(map(len, gaps))}. Divide it."
            )
        positions = np.zeros([len(tokens), self.max_predictions], np.int32)
        for row, places in enumerate(gaps):
            positions[row, : len(places)] = places
        logits = model({"tokens": tokens, "positions": positions}, training=False)
        shares, best = tf.math.top_k(tf.nn.softmax(tf.cast(logits, tf.float32)), count)
        shares, best = shares.numpy(), best.numpy()
        return [
            [
                [
                    (piece_of(token, self._vocabulary), float(share))
                    for token, share in zip(best[row, place], shares[row, place])
                ]
                for place in range(len(places))
            ]
            for row, places in enumerate(gaps)
        ]

    def draw(self, inputs, targets, predictions):
        """The texts with their gaps, what was there, and the likeliest answers."""
        tokens, positions = np.asarray(inputs["tokens"]), np.asarray(inputs["positions"])
        likely = tf.nn.softmax(tf.cast(predictions, tf.float32))
        values, best = (np.asarray(part) for part in tf.math.top_k(likely, _ANSWERS))
        # Filling repeats position 0, so a place counts where positions rise.
        real = np.concatenate(
            [np.ones_like(positions[:, :1], bool), np.diff(positions, axis=1) > 0], axis=1
        )
        columns = {"shown": [], "withheld": [], "answers": []}
        for row in range(len(tokens)):
            shown = [self._shown(code) for code in tokens[row] if code != PAD]
            columns["shown"].append(" ".join(shown).replace(" ##", ""))
            columns["withheld"].append(
                "\n".join(
                    piece_of(token, self._vocabulary)
                    for token, counts in zip(np.asarray(targets)[row], real[row])
                    if counts
                )
            )
            columns["answers"].append(
                "\n".join(
                    ", ".join(
                        f"{piece_of(token, self._vocabulary)} {share:.0%}"
                        for token, share in zip(best[row, place], values[row, place])
                    )
                    for place in np.flatnonzero(real[row])
                )
            )
        return columns

    def _shown(self, code):
        if code >= 0:
            return piece_of(code, self._vocabulary)
        return "[MASK]" if code == MASK else "[random]"

    def _draw(self, tokens, seed):
        if self.masking == "dynamic":
            return tf.unstack(draws.draws_of_visit(tokens, seed, 4))
        copies = self.dupe_factor or DUPE_FACTOR
        return tf.unstack(draws.draws_of_text(tokens, seed, 4, copies))

    def _shortened(self, count, length, cut):
        """Tokens left of each text: with `short_seq_prob` a random number, else all."""
        if not self.short_seq_prob:
            return count
        short = cut[:, 0] < self.short_seq_prob
        longest = tf.cast(length, tf.float32) - 1.0
        target = 2 + tf.cast(cut[:, -1] * longest, tf.int32)
        return tf.where(short, tf.minimum(count, target), count)

    def _special_tokens(self, data):
        tokens = [piece_of(n, data.vocabulary) for n in range(len(data.vocabulary or ()))]
        ids = {token: number for number, token in enumerate(tokens)}
        wanted = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
        missing = [token for token in wanted if token not in ids]
        if missing:
            raise ConfigurationError(
                "The vocabulary of a masked language model must have [PAD], [UNK], [CLS], [SEP] "
                f"and [MASK]. Received: {len(tokens)} tokens without {', '.join(missing)}. Choose "
                "the dataset's WordPiece tokens."
            )
        return {token: ids[token] for token in wanted}


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class MaskedTokenModel(TiedTokenModel):
    """The tied model with the reference code's guard against a batch without any choice."""

    epsilon = 1e-5


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class GatherPositions(keras.layers.Layer):
    """Vectors at some positions.

    Takes `[sequence, tokens, positions]`: float `(batch, length, width)`, the ids that the trunk
    was given, `(batch, tokens)`, and int32 `(batch, count)` positions among these. Special tokens
    that the trunk put around the ids are counted past. Gives `(batch, count, width)`.
    """

    def call(self, inputs):
        sequence, tokens, positions = inputs
        before = (tf.shape(sequence)[1] - tf.shape(tokens)[1]) // 2
        return tf.gather(sequence, positions + before, batch_dims=1)


def _is_special(token):
    text = token.decode("utf-8", "replace") if isinstance(token, bytes) else str(token)
    return len(text) > 2 and text[0] + text[-1] == "[]"
