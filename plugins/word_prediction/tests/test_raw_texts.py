"""An encoder of a run on texts takes raw strings, from Python and as a SavedModel."""

import subprocess
import sys

import numpy as np
import tensorflow as tf

import sslkeras

TEXTS = ["The quick brown fox jumps.", "Naïve cats sleep in New York, [MASK] dogs don't."]


def test_encoders_of_runs_on_texts_take_raw_strings(tmp_path):
    line = "The quick brown fox number {} jumps over lazy dogs while naïve cats sleep in New York."
    (tmp_path / "lines.txt").write_text("\n".join(line.format(n) for n in range(60)), "utf-8")
    folder = tmp_path / "run"
    sslkeras.pretrain(
        "masked_language_model(max_predictions=3)",
        f"text_files({str(tmp_path / 'lines.txt')!r}, documents='lines', tokens='wordpiece', "
        "max_vocab=150, length=14)",
        "transformer(layers=1, hidden=4, heads=1, max_positions=16)",
        steps=1,
        batch_size=8,
        output=folder,
    )
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

    refused = subprocess.run(
        [*command, "--format=keras", f"--output={tmp_path / 'model.h5'}"],
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1 and "must end in .keras" in refused.stderr
