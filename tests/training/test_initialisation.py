"""Tests of sslkeras.training.initialisation."""

import numpy as np
import pytest

import sslkeras
from sslkeras.errors import ConfigurationError
from tests.toys import small_encoder


@pytest.mark.parametrize("given", ["folder", "run", "run on own data"])
def test_init_from_begins_with_the_other_runs_encoder(tmp_path, given):
    data = sslkeras.datasets.create("digits")
    if given == "run on own data":
        data = sslkeras.datasets.Given(data.test)
    arguments = ("denoising_autoencoder", data, "convnet(filters=(4,), strides=(2,))")
    settings = {"batch_size": 256, "steps": 1, "validate_every": 0}
    first = sslkeras.pretrain(*arguments, output=tmp_path / "first", **settings)

    second = sslkeras.pretrain(
        *arguments,
        init_from=tmp_path / "first" if given == "folder" else first,
        optimizer="sgd(learning_rate=1e-12)",
        seed=9,
        **settings,
    )

    for ours, theirs in zip(
        second.encoders["encoder"].trainable_weights, first.encoders["encoder"].trainable_weights
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("encoder", ["convnet(filters=(4,), strides=(2,))", small_encoder])
def test_init_from_another_task_begins_with_its_trunk(capsys, encoder):
    settings = {"batch_size": 256, "steps": 1, "validate_every": 0}
    first = sslkeras.pretrain("denoising_autoencoder", "digits", encoder, seed=3, **settings)

    second = sslkeras.pretrain(
        # Its images are larger, and its trunk is there twice: for queries and for keys.
        "moco(image_size=16, queue_size=256, projection_dim=8)",
        "digits",
        encoder,
        init_from=first,
        optimizer="sgd(learning_rate=1e-12)",
        **settings,
    )

    assert "Initialised encoder_trunk, key_encoder_trunk from a run" in capsys.readouterr().err
    assert len(second.trunks) == 2
    for trunk in second.trunks:
        for ours, theirs in zip(
            trunk.trainable_weights, first.trunks[0].trainable_weights, strict=True
        ):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_loaded_run_knows_its_trunk(tmp_path):
    encoder = "convnet(filters=(4,), strides=(2,))"
    settings = {"batch_size": 256, "steps": 1, "validate_every": 0}
    run = sslkeras.pretrain(
        "denoising_autoencoder", "digits", encoder, output=tmp_path / "run", **settings
    )

    (loaded,) = sslkeras.load_run(tmp_path / "run").trunks
    for ours, theirs in zip(run.trunks[0].weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_init_from_a_run_with_another_encoder_is_refused():
    arguments = ("denoising_autoencoder", "digits")
    settings = {"batch_size": 256, "steps": 1, "validate_every": 0}
    first = sslkeras.pretrain(*arguments, "convnet(filters=(4,), strides=(2,))", **settings)

    with pytest.raises(ConfigurationError, match="encoder or trunk whose weights.*same shapes"):
        sslkeras.pretrain(
            *arguments, "convnet(filters=(6,), strides=(2,))", init_from=first, **settings
        )
