"""Neural language model.

Y. Bengio, R. Ducharme, P. Vincent, C. Jauvin, "A Neural Probabilistic Language Model",
JMLR 3 (2003) 1137-1155.
W. Zaremba, I. Sutskever, O. Vinyals, "Recurrent Neural Network Regularization", 2014,
https://arxiv.org/abs/1409.2329 (architecture="lstm").
"""

import keras
import numpy as np
import tensorflow as tf

from sslkeras import Task
from sslkeras.datasets import dataset as data_module
from sslkeras.encoders import as_encoder
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.hyperparameters import Boolean, Choice, Integer, Optional, Real
from sslkeras.layers import ReproducibleDropout
from sslkeras_word_prediction.carried_state import (
    CarriedState,
    StatefulTiedTokenModel,
    StatefulTokenModel,
)
from sslkeras_word_prediction.contexts import Contexts, FoldContexts, UnfoldContexts
from sslkeras_word_prediction.token_model import TiedTokenModel, TokenModel, logits_of
from sslkeras_word_prediction.token_scores import TokenPerplexity, log_likelihoods
from sslkeras_word_prediction.withheld_tokens import as_text, piece_of
from sslkeras_word_prediction.word_table import (
    count_words,
    text_and_word_encoders,
    word_table,
    words_and_vectors,
)

# What an argument left out (None) stands for.
ORDER = 5
WIDTH, LSTM_WIDTH = 30, 200
HIDDEN, LSTM_HIDDEN = 100, 200
LSTM_LAYERS = 2
_ANSWERS = 3


class NextWord(Task):
    """Predicts each word of a text from the words just before it.

    Withheld is the next word w_t. Words that are used alike get like vectors, as that makes
    sequences probable that were never seen. With the table C of word vectors and the n - 1 words
    before, the nearest first,

        x = [C(w_{t-1}); C(w_{t-2}); ...; C(w_{t-n+1})]
        P(w_t = i | before) = softmax(b + W x + U tanh(d + H x))_i

    (architecture="nplm"). W, from the input to the output past the hidden layer, is there with
    `direct` only. An LSTM ("lstm") reads all words before instead, and "trunk" puts the run's own
    encoder in the place of tanh(d + H x): a network from `(order - 1, embedding_dim)` to a
    vector, such as `mlp`. The loss is

        mean over predicted words of -log P(w_t | before)  +  weight_decay / 2 * sum of squares

    of C, H, U and W (in an LSTM: of all matrices), without the biases. The mean is over the
    words of the global batch, and padding is no word.

    The dataset gives windows of token ids. In a window of length L the words at L - order + 1
    places are predicted (LSTM: L - 1), so that windows of `order` tokens that start at each word
    are the paper's examples. Rare words, case and the vocabulary are the dataset's matter.

    The encoder that probes judge is the mean of the word vectors of a text; "embedding" gives the
    vector of each word, and with an LSTM "context" the hidden state behind each word.

    Args:
        architecture: "nplm", "lstm" or "trunk".
        order: Words of an n-gram, n; None for 5. Not with "lstm".
        embedding_dim: Width of C; None for 30, or the width of an LSTM.
        hidden_units: Units of the tanh layer; None for 100. 0 leaves it out, which needs `direct`.
            Of each layer of an LSTM; None for 200. Not with "trunk".
        direct: Whether there is a W. Not with "lstm".
        weight_decay: Lambda of the penalty. Defaults to 1e-4.
        num_layers: Layers of an LSTM; None for 2. Only with "lstm".
        dropout: Rate between the layers of an LSTM, before and after them. Only with "lstm".
        init_scale: All weights of an LSTM start in U(-s, s); None for Keras's defaults. Only
            with "lstm".
        stateful_rows: Number of rows into which the text is cut, each batch going on where the one
            before ended, with the state carried; must equal the batch size. None: each window
            begins with a state of 0. Only with "lstm". In evaluation each window begins anew.
        tie_weights: Whether C is also the output matrix U, whose width must be that of C.

    Raises:
        ConfigurationError: If an argument is out of range or does not go with another; when the
            model is built, if there are fewer than two words.
    """

    probes = ("perplexity",)
    random_pretext = False
    hyperparameters = {
        "architecture": Choice("nplm", "lstm", "trunk"),
        "order": Optional(Integer(2), "5"),
        "embedding_dim": Optional(Integer(1), "30; with an LSTM its width"),
        "hidden_units": Optional(Integer(0), "100; with an LSTM 200"),
        "direct": Boolean(),
        "weight_decay": Real(0),
        "num_layers": Optional(Integer(1), "2"),
        "dropout": Real(0, 1, closed="left"),
        "init_scale": Optional(Real(0, closed="neither"), "Keras's defaults"),
        "stateful_rows": Optional(Integer(1), "each window begins anew"),
        "tie_weights": Boolean(),
    }

    def __init__(
        self,
        *,
        architecture="nplm",
        order=None,
        embedding_dim=None,
        hidden_units=None,
        direct=False,
        weight_decay=1e-4,
        num_layers=None,
        dropout=0.0,
        init_scale=None,
        stateful_rows=None,
        tie_weights=False,
    ):
        super().__init__(
            architecture=architecture,
            order=order,
            embedding_dim=embedding_dim,
            hidden_units=hidden_units,
            direct=direct,
            weight_decay=weight_decay,
            num_layers=num_layers,
            dropout=dropout,
            init_scale=init_scale,
            stateful_rows=stateful_rows,
            tie_weights=tie_weights,
        )
        self._is_lstm = architecture == "lstm"
        for name, given in (
            ("num_layers", num_layers),
            ("dropout", dropout or None),
            ("init_scale", init_scale),
            ("stateful_rows", stateful_rows),
        ):
            if given is not None and not self._is_lstm:
                raise self._refusal(f"`{name}` must be left out unless architecture='lstm'", name)
        if self._is_lstm and (order is not None or direct):
            raise self._refusal(
                "`order` and `direct` must be left out with architecture='lstm', which reads all "
                "words before",
                "order",
                "direct",
            )
        if architecture == "trunk" and hidden_units is not None:
            raise self._refusal(
                "`hidden_units` must be left out with architecture='trunk'", "hidden_units"
            )
        if hidden_units == 0 and not direct:
            raise self._refusal(
                "`hidden_units` must be at least 1 without `direct`, as nothing would lead to the "
                "output",
                "hidden_units",
            )
        self._order = order or ORDER
        self._hidden = hidden_units
        if hidden_units is None:
            self._hidden = LSTM_HIDDEN if self._is_lstm else HIDDEN
        self._width = embedding_dim or (self._hidden if self._is_lstm else WIDTH)
        if tie_weights and architecture != "trunk" and self._hidden != self._width:
            raise self._refusal(
                "`tie_weights` needs `hidden_units` equal to `embedding_dim`",
                "tie_weights",
                "hidden_units",
                "embedding_dim",
            )
        self.reads = {"tokens": (2 if self._is_lstm else self._order,), "num_tokens": ()}
        self._vocabulary = None

    def pretext(self, batch, seed):
        """Hides the word behind each context.

        Returns:
            int32 `(batch, length - 1)`, all words of the windows but the last; int32 `(batch,
            places)`, the words that are predicted, the last `length - order + 1` of the window
            (all but the first for an LSTM); float32 of that shape: 0 for padding, else 1.
        """
        tokens = batch["tokens"]
        first = 1 if self._is_lstm else self._order - 1
        place = tf.range(first, tf.shape(tokens)[1])
        real = place < tf.cast(batch["num_tokens"], tf.int32)[:, tf.newaxis]
        return tokens[:, :-1], tokens[:, first:], tf.cast(real, tf.float32)

    def build_model(self, inputs, encoder, data):
        """Builds words -> logits `(batch, places, vocabulary)`.

        The layers are "encoder" (which holds C), "hidden" (H and d) or "lstm1", "lstm2", ... or
        the nested "trunk", "output" (U and b) and "direct" (W).
        """
        self._vocabulary = data.vocabulary
        words = count_words(data, "A language model")
        # Of any length: texts may be longer in evaluation than in training.
        tokens = keras.Input((None,), dtype="int32", name="tokens")
        table = word_table(
            data,
            self._width,
            initializer=self._start() or "uniform",
            regularizer=self._penalty(),
        )
        vectors = table(tokens)
        if self._is_lstm:
            return self._recurrent_model(tokens, vectors, words)
        context = Contexts(self._order - 1, name="contexts")(vectors)
        flat = keras.layers.Reshape((-1, (self._order - 1) * self._width), name="x")(context)
        if self.architecture == "trunk":
            shape = (self._order - 1, self._width)
            trunk = as_encoder(encoder)(shape, name="trunk")
            folded = FoldContexts(name="fold")(context)
            hidden = UnfoldContexts(name="unfold")([_as_one_vector(trunk(folded)), context])
        elif self._hidden:
            hidden = keras.layers.Dense(
                self._hidden,
                activation="tanh",
                kernel_regularizer=self._penalty(),
                name="hidden",
            )(flat)
        else:
            return TokenModel(tokens, self._output(words, "direct")(flat), name="next_word")
        if self.tie_weights:
            return self._tied_model(tokens, hidden, flat)
        logits = self._output(words, "output")(hidden)
        if self.direct:
            past = self._output(words, "direct", use_bias=False)(flat)
            logits = keras.layers.Add(dtype="float32", name="logits")([logits, past])
        return TokenModel(tokens, logits, name="next_word")

    def loss(self):
        """None: the model has its own, a mean over the words of the global batch."""
        return None

    def metrics(self):
        metrics = [TokenPerplexity(), keras.metrics.SparseCategoricalAccuracy("accuracy")]
        return metrics if self.stateful_rows is None else {"logits": metrics}

    def check_batch_size(self, batch_size, replicas):
        """Refuses a batch size other than `stateful_rows`."""
        if self.stateful_rows is not None and batch_size != self.stateful_rows:
            raise ConfigurationError(
                "The batch size must be `stateful_rows` of NextWord. Received: "
                f"batch_size={batch_size}, stateful_rows={self.stateful_rows}. Set them alike."
            )

    def raw_batches(self, split, batch_size, *, order=None, start=0, share=data_module.WHOLE):
        """Shuffled windows, or with `stateful_rows` each row's windows one after another."""
        if order is None or batch_size != self.stateful_rows:
            return super().raw_batches(split, batch_size, order=order, start=start, share=share)
        if not isinstance(split, data_module.IndexedSplit):
            raise DataError(
                "`stateful_rows` of NextWord needs a split that can be read in any order. "
                f"Received: {type(split).__name__}. Choose another dataset."
            )
        if split.size < batch_size:
            raise DataError(
                "There must be a window of text for each of `stateful_rows` of NextWord. "
                f"Received: {split.size} windows for {batch_size} rows. Choose fewer rows, shorter "
                "windows or more text."
            )
        part = data_module.part_size(batch_size, share)
        row = tf.range(part, dtype=tf.int64) + share.index * part
        length = split.size // batch_size

        def indices(step):
            if order.steps is not None:
                # Epochs go on where the one before ended.
                step += tf.cast(order.epoch, tf.int64) * order.steps
            return row * length + step % length

        steps = tf.data.Dataset.counter(tf.cast(start, tf.int64))
        return split.read(steps.map(indices), part, only=tuple(self.reads))

    def encoders(self, model):
        """ "encoder", the mean of a text's word vectors; "embedding"; "context" of an LSTM."""
        found = text_and_word_encoders(model)
        if self._is_lstm:
            found["context"] = self._context_encoder(model, found["embedding"])
        return found

    def encoder_reads(self):
        names = ("encoder", "embedding", *(("context",) if self._is_lstm else ()))
        return dict.fromkeys(names, "tokens")

    def word_vectors(self, model):
        """Words, in the order of their ids, and their vectors `(words, embedding_dim)`."""
        return words_and_vectors(model, self._vocabulary)

    def token_log_likelihoods(self, model, batch, seed):
        """Of each word that has a whole context, for the probe `perplexity`."""
        inputs, tokens, weights = self.pretext(batch, seed)
        found = log_likelihoods(logits_of(model(inputs, training=False)), tokens, weights)
        # For the probe `ngram_perplexity`: the two words before each, the nearest first.
        padded = tf.pad(inputs, [[0, 0], [2, 0]], constant_values=-1)
        places = tf.shape(tokens)[1]
        last = tf.shape(padded)[1]
        before = [padded[:, last - places - away : last - away] for away in range(2)]
        return {**found, "before": tf.stack(before, axis=-1)}

    def draw(self, inputs, targets, predictions):
        """The last context of each text, the word behind it, and the likeliest answers."""
        logits = tf.cast(logits_of(predictions), tf.float32)[:, -1]
        values, best = (np.asarray(part) for part in tf.math.top_k(tf.nn.softmax(logits), _ANSWERS))
        contexts = np.asarray(inputs)
        if not self._is_lstm:
            contexts = contexts[:, -(self._order - 1) :]
        return {
            "before": [self._text(context) for context in contexts],
            "next": [piece_of(token, self._vocabulary) for token in np.asarray(targets)[:, -1]],
            "answers": [
                ", ".join(
                    f"{piece_of(token, self._vocabulary)} {share:.0%}" for token, share in zip(*row)
                )
                for row in zip(best, values)
            ],
        }

    def _text(self, tokens):
        if self._vocabulary is None:
            return " ".join(map(str, tokens))
        return as_text(tokens, self._vocabulary)

    def _refusal(self, rule, *names):
        received = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return ConfigurationError(
            f"{rule.replace('` ', '` of NextWord ', 1)}. Received: {received}, "
            f"architecture={self.architecture!r}. Change one of them."
        )

    def _penalty(self):
        # Keras's L2 has no factor of a half.
        return keras.regularizers.L2(self.weight_decay / 2) if self.weight_decay else None

    def _start(self):
        if self.init_scale is None:
            return None
        return keras.initializers.RandomUniform(-self.init_scale, self.init_scale)

    def _output(self, words, name, use_bias=True):
        return keras.layers.Dense(
            words,
            use_bias=use_bias,
            kernel_initializer=self._start() or "glorot_uniform",
            bias_initializer=self._start() or "zeros",
            kernel_regularizer=self._penalty(),
            dtype="float32",
            name=name,
        )

    def _tied_model(self, tokens, hidden, flat):
        if not self.direct:
            return TiedTokenModel(tokens, hidden, name="next_word")
        # b + W x + C h = b + C (h + V x): a tied output with links of full rank m.
        links = keras.layers.Dense(
            self._width, use_bias=False, kernel_regularizer=self._penalty(), name="direct"
        )
        hidden = keras.layers.Add(name="linked")([hidden, links(flat)])
        return TiedTokenModel(tokens, hidden, name="next_word")

    def _recurrent_model(self, tokens, vectors, words):
        states = [None] * self._layers
        if self.stateful_rows is not None:
            width = 2 * self._hidden * self._layers
            state = CarriedState(self.stateful_rows, width, name="carried")(tokens)
            states = SplitState(self._layers, name="states")(state)
        x, ends = self._dropped(vectors, 0), []
        for number, state in enumerate(states, start=1):
            x, *end = self._lstm(number)(x, initial_state=state)
            ends += end
            x = self._dropped(x, number)
        if not self.tie_weights:
            x = self._output(words, "output")(x)
        if self.stateful_rows is None:
            model = TiedTokenModel if self.tie_weights else TokenModel
            return model(tokens, x, name="next_word")
        model = StatefulTiedTokenModel if self.tie_weights else StatefulTokenModel
        end = keras.layers.Concatenate(name="end_state")(ends)
        return model(tokens, {"logits": x, "state": end}, name="next_word")

    def _lstm(self, number):
        return keras.layers.LSTM(
            self._hidden,
            return_sequences=True,
            return_state=True,
            kernel_initializer=self._start() or "glorot_uniform",
            recurrent_initializer=self._start() or "orthogonal",
            bias_initializer=self._start() or "zeros",
            unit_forget_bias=self.init_scale is None,
            kernel_regularizer=self._penalty(),
            recurrent_regularizer=self._penalty(),
            name=f"lstm{number}",
        )

    @property
    def _layers(self):
        return self.num_layers or LSTM_LAYERS

    def _dropped(self, x, number):
        if not self.dropout:
            return x
        return ReproducibleDropout(self.dropout, name=f"dropout{number}")(x)

    def _context_encoder(self, model, trunk):
        tokens = keras.Input((None,), dtype="int32", name="tokens")
        x = trunk(tokens)
        for number in range(1, self._layers + 1):
            x, *_ = model.get_layer(f"lstm{number}")(x)
        return keras.Model(tokens, x, name="context")


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class SplitState(keras.layers.Layer):
    """Divides `(batch, 2 * layers * units)` into a list of `[output, cell]` for each layer.

    Args:
        layers: Number of layers.
    """

    def __init__(self, layers, **kwargs):
        super().__init__(**kwargs)
        self.layers = int(layers)

    def call(self, state):
        parts = tf.split(state, 2 * self.layers, axis=1)
        return [parts[2 * layer : 2 * layer + 2] for layer in range(self.layers)]

    def get_config(self):
        return {**super().get_config(), "layers": self.layers}


def _as_one_vector(features):
    if features.shape.rank != 2:
        raise ConfigurationError(
            "architecture='trunk' of NextWord needs an encoder with an output (batch, features). "
            f"Received: {features.shape}. Choose another encoder, such as 'mlp'."
        )
    return features
