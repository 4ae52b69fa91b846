"""Runs on texts take raw strings: encoders, from Python and as SavedModel; texts with gaps."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import sslkeras
from sslkeras.errors import ConfigurationError, RunError
from sslkeras.pictures.masked_guesses import tokens_of
from sslkeras.pictures.show import show

TEXTS = ["The quick brown fox jumps.", "Naïve cats sleep in New York, [MASK] dogs don't."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of a masked language model after one step."""
    place = tmp_path_factory.mktemp("texts")
    line = "The quick brown fox number {} jumps over lazy dogs while naïve cats sleep in New York."
    (place / "lines.txt").write_text("\n".join(line.format(n) for n in range(60)), "utf-8")
    sslkeras.pretrain(
        "masked_language_model(max_predictions=3)",
        f"text_files({str(place / 'lines.txt')!r}, documents='lines', tokens='wordpiece', "
        "max_vocab=150, length=14)",
        "transformer(layers=1, hidden=4, heads=1, max_positions=16)",
        steps=1,
        batch_size=8,
        output=place / "run",
    )
    return place / "run"


def test_encoders_of_runs_on_texts_take_raw_strings(folder, tmp_path):
    tokenizer = sslkeras.load_tokenizer(folder)
    ids = np.full([2, 14], tokenizer.pad)
    for row, text in enumerate(TEXTS):
        codes = tokenizer.encode(text)[:14]
        ids[row, : len(codes)] = codes
    wanted = sslkeras.load_encoder(folder)(ids)
    of_texts = sslkeras.load_encoder(folder, texts=True)
    np.testing.assert_allclose(of_texts(tf.constant(TEXTS)), wanted, atol=1e-6)

    command = [sys.executable, "-m", "sslkeras", "export", f"--run={folder}"]
    subprocess.run([*command, f"--output={tmp_path / 'model'}"], check=True)
    model = tf.saved_model.load(str(tmp_path / "model"))
    np.testing.assert_allclose(model.serve(tf.constant(TEXTS)), wanted, atol=1e-6)

    of_texts.save(tmp_path / "of_texts.keras")
    code = (
        "import keras, numpy, tensorflow as tf, sslkeras\n"
        "sslkeras.register_classes('of_texts.keras')\n"
        "encoder = keras.models.load_model('of_texts.keras')\n"
        f"numpy.save('answers.npy', encoder(tf.constant({TEXTS!r})))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), wanted, atol=1e-6)
    (tmp_path / "broken.keras").write_bytes(b"no archive")
    with pytest.raises(RunError, match="must be one that Keras wrote"):
        sslkeras.register_classes(tmp_path / "broken.keras")


def test_gaps_of_texts_are_filled(folder, tmp_path, capsys):
    text = "naïve [MASK] sleep in [MASK] York"
    paths = show(folder, pictures="curves", texts=[text], output=tmp_path)

    assert tmp_path / "masked_guesses.png" in paths
    said = capsys.readouterr().err.splitlines()
    start = said.index(text)
    run = sslkeras.load_run(folder)
    wanted = run.task.fill_gaps(run.model, tokens_of(run, [text]), 5)[0]
    assert [line.split(", ")[0].split()[0] for line in said[start + 1 : start + 3]] == [
        guesses[0][0] for guesses in wanted
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no gap", r"must have a gap, written \[MASK\]. Received: 'no gap'"),
        ("[MASK]" + " cats" * 14, "at most 14 tokens, as in training. Received: 15 in"),
    ],
)
def test_texts_that_cannot_be_filled_are_refused(folder, text, message):
    with pytest.raises(ConfigurationError, match=message):
        tokens_of(sslkeras.load_run(folder), [text])


def test_only_tasks_with_vectors_of_words_have_nearest_words(folder, tmp_path):
    with pytest.raises(ConfigurationError, match="Received: a run of MaskedLanguageModel"):
        show(folder, pictures="nearest_words", output=tmp_path)
