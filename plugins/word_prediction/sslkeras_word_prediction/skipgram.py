"""Skip-gram: word2vec from a word to those around it.

T. Mikolov, I. Sutskever, K. Chen, G. Corrado, J. Dean, "Distributed Representations of Words
and Phrases and their Compositionality", NIPS 2013, https://arxiv.org/abs/1310.4546; T. Mikolov,
K. Chen, G. Corrado, J. Dean, "Efficient Estimation of Word Representations in Vector Space",
2013, https://arxiv.org/abs/1301.3781. Noise that a batch shares: S. Ji, N. Satish, S. Li,
P. Dubey, "Parallelizing Word2Vec in Shared and Distributed Memory", 2016,
https://arxiv.org/abs/1604.04661.
"""

import keras
import tensorflow as tf

from sslkeras_word_prediction.neighbour_task import NeighbourTask
from sslkeras_word_prediction.word_vector_model import SkipgramModel


class Skipgram(NeighbourTask):
    """Predicts the words around each word of a text.

    Withheld are the neighbours of a word: from its vector v alone they are told from words drawn
    at random. Words in the same company end with like vectors. With output vectors u and k words
    n_j of noise, drawn with P_n(w) = count(w)^0.75 / Z, a pair of a word and a neighbour o has
    the loss

        softplus(-v . u_o) + sum_j softplus(v . u_{n_j})

    where a draw that is o does not count. `shared_negatives` words of noise serve a whole batch,
    weighed so that the expected loss is the same. output="softmax" is -log softmax_o(U v) over
    all words, "hierarchical" that of a Huffman tree.

    First, occurrences of frequent words are left out and the text closes over them: they are
    kept with probability min(1, sqrt(t / f) + t / f) (`subsample_rule="c_code"`, the released
    code) or min(1, sqrt(t / f)) ("paper"), where f is the word's share of the text. Then for each
    word R is drawn from 1 ... window, and its neighbours are up to R words on each side. The end
    of a document, or of a window of the dataset, is never crossed.

    The model reports the mean over pairs and minimises the sum, as the published step is one a
    pair: `optimizer=sgd`, `learning_rate=0.025` and `schedule=linear(final=1e-4)` are the released
    code's. Batches of about 1,000 words are safe; in much larger ones frequent words get many
    steps from one place and diverge. Vocabulary, rare words and phrases are the dataset's matter.

    The encoder that probes judge is the mean of the word vectors of a text; "embedding" gives the
    vector of each word. The run's own encoder is not used.

    Args:
        embedding_dim: Width of v and u. Defaults to 100; the paper has 300.
        window: Words on each side, c.
        dynamic_window: Whether R is drawn; else it is `window`.
        output: "negative", "softmax" or "hierarchical".
        num_negatives: k: 5 to 20 for small texts, 2 to 5 for large ones.
        shared_negatives: Draws of noise for a whole batch, K; None for k draws of each pair's own,
            which is slower.
        noise_exponent: Of the counts in P_n.
        subsample: The threshold t; 0 for none. The released code has 1e-3, the paper 1e-5.
        subsample_rule: "c_code" or "paper".

    Raises:
        ConfigurationError: If an argument is out of range; when the model is built, if there are
            fewer than two words or no counts.
        DataError: If counts are negative or fewer than two words occur.
    """

    hyperparameters = NeighbourTask.hyperparameters

    def __init__(
        self,
        *,
        embedding_dim=100,
        window=5,
        dynamic_window=True,
        output="negative",
        num_negatives=5,
        shared_negatives=128,
        noise_exponent=0.75,
        subsample=1e-3,
        subsample_rule="c_code",
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
        )

    def build_model(self, inputs, encoder, data):
        """Builds text -> the likeliest neighbours of one word of it, for pictures.

        The layers are "encoder" (which holds the word vectors), "output" and "shown".
        """
        inputs, table, output, (place, beside) = self._parts(data)
        word = TakeAt(name="word")([inputs["tokens"], place])
        vector = keras.layers.Reshape((self.embedding_dim,), name="vector")(table(word))
        outputs = {"place": place, "beside": beside, "answers": output(vector)}
        return SkipgramModel(inputs, outputs, name="skipgram")


@keras.saving.register_keras_serializable(package="sslkeras_word_prediction")
class TakeAt(keras.layers.Layer):
    """From `[(batch, length), place (batch,)]` what stands at the place, `(batch, 1)`."""

    def call(self, inputs):
        values, place = inputs
        return tf.gather(values, place, batch_dims=1)[:, tf.newaxis]
