"""Missing word: word2vec's continuous bag of words (CBOW).

T. Mikolov, K. Chen, G. Corrado, J. Dean, "Efficient Estimation of Word Representations in
Vector Space", 2013, https://arxiv.org/abs/1301.3781. Negative sampling and subsampling:
T. Mikolov, I. Sutskever, K. Chen, G. Corrado, J. Dean, NIPS 2013,
https://arxiv.org/abs/1310.4546. The gradient: O. Irsoy, A. Benton, K. Stratos, "Corrected CBOW
Performs as well as Skip-gram", 2021, https://arxiv.org/abs/2012.15332.
"""

import tensorflow as tf

from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Choice
from sslkeras_word_prediction.neighbour_task import NeighbourTask
from sslkeras_word_prediction.token_scores import log_likelihoods
from sslkeras_word_prediction.word_vector_model import Aggregate, MissingWordModel, aggregated


class MissingWord(NeighbourTask):
    """Predicts each word of a text from the unordered words around it.

    Withheld is the word in the middle. Its neighbours' vectors are averaged to h, without their
    order, and from h alone the word w is told: with output vectors u and k words n_j of noise

        softplus(-h . u_w) + sum_j softplus(h . u_{n_j})

    output="softmax" is -log softmax_w(U h + b) over all words, "hierarchical" the same of a
    Huffman tree. Words that fit the same places end with like vectors. The word itself is never
    among its neighbours, though the same word may be, at another place.

    What is left out of the text, which words are neighbours, noise and its sharing are as in
    `skipgram`. A word without neighbours is not predicted.

    The model reports the mean over predicted words and minimises the sum, as the published step
    is one a word. The released code gives each neighbour the whole gradient of h, which is that
    of no loss; here each gets its share, and `learning_rate=0.1` stands for the code's 0.05.

    The encoder that probes judge is the mean of the word vectors of a text; "embedding" gives the
    vector of each word. The run's own encoder is not used.

    Args:
        embedding_dim: Width of the vectors. Defaults to 100.
        window: Words on each side; the paper's best has 4, and dynamic_window=False.
        dynamic_window: Whether R of 1 ... window is drawn for each word; else it is `window`.
        output: "negative", "softmax" or "hierarchical".
        num_negatives: k: 5 to 20 for small texts, 2 to 5 for large ones.
        shared_negatives: Draws of noise for a whole batch; None for k draws of each word's own.
        noise_exponent: Of the counts in the distribution of noise.
        subsample: Threshold t of frequent words; 0 for none.
        subsample_rule: "c_code" or "paper".
        aggregate: "mean" or "sum" of the neighbours.
        use_bias: Whether each word has a bias; only with output="softmax".

    Raises:
        ConfigurationError: If an argument is out of range or does not go with another; when the
            model is built, if there are fewer than two words or no counts.
        DataError: If counts are negative or fewer than two words occur.
    """

    hyperparameters = {
        **NeighbourTask.hyperparameters,
        "aggregate": Choice("mean", "sum"),
        "use_bias": Boolean(),
    }

    def __init__(
        self,
        *,
        embedding_dim=100,
        window=5,
        dynamic_window=True,
        output="negative",
        num_negatives=5,
        shared_negatives=64,
        noise_exponent=0.75,
        subsample=1e-3,
        subsample_rule="c_code",
        aggregate="mean",
        use_bias=False,
    ):
        super().__init__(
            embedding_dim=embedding_dim,
            window=window,
            dynamic_window=dynamic_window,
            output=output,
            num_negatives=num_negatives,
            shared_negatives=shared_negatives,
            noise_exponent=noise_exponent,
            subsample=subsample,
            subsample_rule=subsample_rule,
            aggregate=aggregate,
            use_bias=use_bias,
        )
        if use_bias and output != "softmax":
            raise ConfigurationError(
                "`use_bias` of MissingWord must be left out unless output='softmax'. Received: "
                f"use_bias=True, output={output!r}. Change one of them."
            )

    def build_model(self, inputs, encoder, data):
        """Builds text -> the likeliest words at one place of it, for pictures.

        The layers are "encoder" (which holds the word vectors), "output", "shown" and "context".
        """
        inputs, table, output, (place, beside) = self._parts(data)
        hidden = Aggregate(self.aggregate, name="context")([table(inputs["tokens"]), beside])
        outputs = {"place": place, "beside": beside, "answers": output(hidden)}
        return MissingWordModel(inputs, outputs, name="missing_word")

    def token_log_likelihoods(self, model, batch, seed):
        """Of each word that has neighbours, given these, for the probes of language models.

        Nothing is left out of the text and each window is whole. With negative sampling the
        scores are taken for logits, though nothing makes them so: only ranks mean something.
        """
        tokens = batch["tokens"]
        size, length = tf.unstack(tf.shape(tokens))
        real = tf.range(length) < tf.cast(batch["num_tokens"], tf.int32)[:, tf.newaxis]
        away = tf.abs(tf.range(length)[:, tf.newaxis] - tf.range(length))
        beside = (away > 0) & (away <= self.window) & real[:, :, tf.newaxis]
        beside &= real[:, tf.newaxis]
        if "document" in batch:
            document = batch["document"]
            beside &= document[:, :, tf.newaxis] == document[:, tf.newaxis]
        beside = tf.cast(beside, tf.float32)
        vectors = model.get_layer("encoder")(tokens)
        hidden = tf.reshape(aggregated(vectors, beside, self.aggregate), [-1, self.embedding_dim])
        scores = tf.reshape(model.get_layer("output").scores(hidden), [size, length, -1])
        predicted = tf.cast(tf.reduce_any(beside > 0, axis=-1), tf.float32)
        return log_likelihoods(scores, tokens, predicted)
