"""Tests of sslkeras.commands.export."""

import os
import pathlib
import subprocess
import sys

import numpy as np

import sslkeras as ssl
from tests.toys import Denoise

WITHOUT_SSLKERAS = """
import sys
import numpy as np, tensorflow as tf
model = tf.saved_model.load("model")
assert "sslkeras" not in sys.modules
np.save("answers.npy", model.serve(np.load("images.npy")))
"""


def test_a_saved_model_answers_without_sslkeras_and_points_are_written(sslkeras, install, tmp_path):
    install("acme", "sslkeras.tasks", {"denoise": "tests.toys:Denoise"})
    root = pathlib.Path(__file__).parents[2]
    images = np.random.RandomState(0).rand(5, 8, 8, 1).astype("float32")
    np.save(tmp_path / "images.npy", images)

    for words in (
        "train --task=denoise --dataset=digits --encoder=convnet --steps=2 --output=run",
        "export --run=run --format=projector --points=9 --output=points",
        "export --run=run --output=model",
    ):
        done = sslkeras(*words.split(), PYTHONPATH=os.pathsep.join([str(tmp_path), str(root)]))
        assert done.returncode == 0, done.stderr
    assert done.stdout == "model\n"
    assert "signature" not in done.stderr
    subprocess.run([sys.executable, "-c", WITHOUT_SSLKERAS], cwd=tmp_path, check=True)

    assert len((tmp_path / "points" / "tensors.tsv").read_text().splitlines()) == 9
    encoder = ssl.load_encoder(tmp_path / "run", task=Denoise())
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), encoder(images), atol=1e-6)
