"""The Transformer encoder of BERT.

J. Devlin, M.-W. Chang, K. Lee, K. Toutanova, "BERT: Pre-training of Deep Bidirectional
Transformers for Language Understanding", NAACL 2019, https://arxiv.org/abs/1810.04805.
"""

import keras

from sslkeras.encoders.encoder import Encoder
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Integer, Optional, Real
from sslkeras.layers.attention import ScaledDotProductAttention
from sslkeras.layers.gelu import Gelu
from sslkeras.layers.reproducible_dropout import ReproducibleDropout
from sslkeras.layers.tokens import AddSpecialTokens, IsReal, PositionEmbedding, SegmentIds

# Keras's default of 1e-3 is another network.
_EPSILON = 1e-12
_TOKEN = Optional(Integer(0), "the dataset's")


class Transformer(Encoder):
    """Self-attention over all tokens of a text; gives a vector for each of them.

    The trunk takes int32 ids `(batch, length)`, padding behind the tokens, and returns
    `(batch, length + 2, hidden)`: it puts [CLS] before the tokens and [SEP] behind them, if the
    vocabulary has these. Token, position and segment embeddings are added and normalised; then
    follow blocks of self-attention and two dense layers, each normalised after its residual
    connection. The layer "token_embedding" holds the table `(vocab_size, hidden)`, which heads
    share. Tokens of a second text, behind a [SEP], are of the second segment type.

    The defaults are BERT-Base; Large is (24, 1024, 16) in layers, hidden and heads, and the
    released small ones are Tiny (2, 128, 2), Mini (4, 256, 4), Small (4, 512, 8) and Medium
    (8, 512, 8).

    Args:
        layers: Number of blocks. Defaults to 12.
        hidden: Width. Defaults to 768.
        heads: Attention heads; must divide `hidden`. Defaults to 12.
        feed_forward: Units between the two dense layers; None for 4 times `hidden`.
        max_positions: Greatest length, special tokens included. Defaults to 512.
        segment_types: How many kinds of texts are told apart. Defaults to 2.
        dropout: Rate after embeddings and in blocks. Defaults to 0.1.
        attention_dropout: Rate of attention weights. Defaults to 0.1.
        approximate_gelu: Whether GELU is the tanh form, as in the reference code. Defaults
            to True.
        vocab_size: Rows of the table; None for the vocabulary of the dataset.
        pad: Id of padding; None for the dataset's.
        start: Id of [CLS]; None for the dataset's, if it has one.
        end: Id of [SEP]; None for the dataset's, if it has one.

    Raises:
        ConfigurationError: If an argument is out of range, `heads` does not divide `hidden`, or
            only one of `start` and `end` is given; when the trunk is built, if it is built
            for anything but ids, texts are too long, or `vocab_size` is not known.
    """

    hyperparameters = {
        "layers": Integer(1),
        "hidden": Integer(1),
        "heads": Integer(1),
        "feed_forward": Optional(Integer(1), "4 times hidden"),
        "max_positions": Integer(3),
        "segment_types": Integer(1),
        "dropout": Real(0, 1, closed="left"),
        "attention_dropout": Real(0, 1, closed="left"),
        "approximate_gelu": Boolean(),
        "vocab_size": Optional(Integer(2), "that of the dataset"),
        "pad": _TOKEN,
        "start": _TOKEN,
        "end": _TOKEN,
    }

    def __init__(
        self,
        *,
        layers=12,
        hidden=768,
        heads=12,
        feed_forward=None,
        max_positions=512,
        segment_types=2,
        dropout=0.1,
        attention_dropout=0.1,
        approximate_gelu=True,
        vocab_size=None,
        pad=None,
        start=None,
        end=None,
    ):
        super().__init__(
            layers=layers,
            hidden=hidden,
            heads=heads,
            feed_forward=feed_forward,
            max_positions=max_positions,
            segment_types=segment_types,
            dropout=dropout,
            attention_dropout=attention_dropout,
            approximate_gelu=approximate_gelu,
            vocab_size=vocab_size,
            pad=pad,
            start=start,
            end=end,
        )
        if hidden % heads:
            raise ConfigurationError(
                "`heads` of Transformer must divide `hidden`. Received: "
                f"heads={heads}, hidden={hidden}. Choose other sizes."
            )
        if (start is None) != (end is None):
            raise ConfigurationError(
                "`start` and `end` of Transformer must be given together. Received: "
                f"start={start}, end={end}. Give both or none."
            )
        for name in ("pad", "start", "end"):
            token = getattr(self, name)
            if token is not None and vocab_size is not None and token >= vocab_size:
                raise ConfigurationError(
                    f"`{name}` of Transformer must be an id below `vocab_size`. Received: "
                    f"{name}={token}, vocab_size={vocab_size}."
                )

    def for_dataset(self, data):
        if data.vocabulary is None:
            return self
        ids = {token: number for number, token in enumerate(map(_text, data.vocabulary))}
        config = self.get_config()
        if config["vocab_size"] is None:
            config["vocab_size"] = len(data.vocabulary)
        if config["pad"] is None:
            config["pad"] = ids.get("[PAD]", ids.get("<pad>"))
        if config["start"] is None and "[CLS]" in ids and "[SEP]" in ids:
            config.update(start=ids["[CLS]"], end=ids["[SEP]"])
        return type(self)(**config)

    def build(self, input_shape):
        self._check(input_shape)
        pad = self.pad or 0
        given = keras.Input(input_shape, dtype="int32", name="tokens")
        tokens = given
        if self.start is not None:
            tokens = AddSpecialTokens(self.start, self.end, pad, name="special_tokens")(given)
        real = IsReal(pad, name="is_real")(tokens)
        x = self._embedding(self.vocab_size, "token_embedding")(tokens)
        x = PositionEmbedding(self.max_positions, _normal(), name="position_embedding")(x)
        if self.end is not None and self.segment_types > 1:
            segments = SegmentIds(self.end, self.segment_types, name="segments")(tokens)
            segments = self._embedding(self.segment_types, "segment_embedding")(segments)
            x = keras.layers.Add(name="embeddings")([x, segments])
        x = self._dropped(_normalised(x, "embedding_norm"), "embedding_dropout")
        for number in range(1, self.layers + 1):
            x = self._block(x, real, f"block{number}")
        return keras.Model(given, x)

    def _block(self, x, real, name):
        query, key, value = (
            _dense(self.hidden, f"{name}_{part}")(x) for part in ("query", "key", "value")
        )
        attended = ScaledDotProductAttention(
            self.heads, self.attention_dropout, name=f"{name}_attention"
        )([query, key, value, real])
        attended = _dense(self.hidden, f"{name}_attention_output")(attended)
        attended = self._dropped(attended, f"{name}_attention_dropout")
        x = keras.layers.Add(name=f"{name}_attention_add")([x, attended])
        x = _normalised(x, f"{name}_attention_norm")
        inner = _dense(self.feed_forward or 4 * self.hidden, f"{name}_inner")(x)
        inner = Gelu(self.approximate_gelu, name=f"{name}_gelu")(inner)
        inner = _dense(self.hidden, f"{name}_outer")(inner)
        inner = self._dropped(inner, f"{name}_dropout")
        x = keras.layers.Add(name=f"{name}_add")([x, inner])
        return _normalised(x, f"{name}_norm")

    def _embedding(self, rows, name):
        return keras.layers.Embedding(
            rows, self.hidden, embeddings_initializer=_normal(), name=name
        )

    def _dropped(self, x, name):
        return ReproducibleDropout(self.dropout, name=name)(x) if self.dropout else x

    def _check(self, input_shape):
        if len(input_shape) != 1:
            raise ConfigurationError(
                f"Transformer takes token ids (length,). Received: {tuple(input_shape)}. Choose "
                "another encoder."
            )
        if self.vocab_size is None:
            raise ConfigurationError(
                "`vocab_size` of Transformer must be known. Received: a dataset without a "
                "vocabulary. Give `vocab_size`, or choose a dataset of texts."
            )


def _normal():
    return keras.initializers.TruncatedNormal(stddev=0.02)


def _dense(units, name):
    return keras.layers.Dense(units, kernel_initializer=_normal(), name=name)


def _normalised(x, name):
    return keras.layers.LayerNormalization(epsilon=_EPSILON, name=name)(x)


def _text(token):
    return token.decode("utf-8", "replace") if isinstance(token, bytes) else str(token)
