"""The contract of the tasks on running text, in small configurations."""

from plugins.word_prediction.tests.small_texts import WORDS, small_texts
from sslkeras.testing import Subject, parametrize_with_checks

TRUNK = "transformer(layers=1, hidden=8, heads=2, max_positions=16"
# Replicas drop units of their own.
DROPOUT = {"two_replicas_equal_one": "each replica drops other units"}


@parametrize_with_checks(
    [
        Subject(
            "masked_language_model(max_predictions=3)",
            dataset=small_texts(),
            encoder=f"{TRUNK}, dropout=0.0, attention_dropout=0.0)",
            # A key's bias adds the same to all scores of a query.
            fixed=("key/bias",),
        ),
        Subject(
            "masked_language_model(max_predictions=3, masking='static', whole_word=True, "
            "random_excludes_special=True)",
            dataset=small_texts(),
            encoder=f"{TRUNK})",
            fixed=("key/bias",),
            skip=DROPOUT,
        ),
        Subject(
            "next_word(order=4, embedding_dim=4, hidden_units=5, direct=True)",
            dataset=small_texts(WORDS, first=2),
        ),
        Subject(
            "next_word(order=3, embedding_dim=4, architecture='trunk', tie_weights=True)",
            dataset=small_texts(WORDS, first=2),
            encoder="mlp(hidden_sizes=(4,), activation='tanh')",
        ),
        Subject(
            "next_word(architecture='lstm', hidden_units=4, num_layers=1, tie_weights=True, "
            "stateful_rows=8)",
            dataset=small_texts(WORDS, first=2),
        ),
        Subject(
            "missing_word(embedding_dim=8, window=2, num_negatives=1, shared_negatives=8, "
            "subsample=0.1)",
            dataset=small_texts(WORDS, first=2),
        ),
        Subject(
            "missing_word(embedding_dim=8, window=2, output='softmax', use_bias=True, "
            "aggregate='sum', subsample=0)",
            dataset=small_texts(WORDS, first=2),
        ),
        Subject(
            "skipgram(embedding_dim=8, window=2, num_negatives=1, shared_negatives=8, "
            "subsample=0.1)",
            dataset=small_texts(WORDS, first=2),
        ),
        Subject(
            "skipgram(embedding_dim=8, window=2, num_negatives=1, shared_negatives=None)",
            dataset=small_texts(WORDS, first=2),
        ),
        Subject(
            "skipgram(embedding_dim=8, window=2, output='hierarchical', subsample=0)",
            dataset=small_texts(WORDS, first=2),
        ),
    ]
)
def test_contract(check):
    check()
