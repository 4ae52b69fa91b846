"""Tests of sslkeras.testing: sound tasks pass every check, each broken one fails its own."""

import pytest

from sslkeras.errors import ConfigurationError
from sslkeras.testing import (
    CHECKS,
    BrokenContractError,
    NotApplicableError,
    Subject,
    check_task,
    parametrize_with_checks,
    run_check,
)
from tests.testing.broken_toys import BROKEN, TakesAnyData, Turned
from tests.testing.sound_toys import (
    Adversarial,
    Contrast,
    NextToken,
    Staged,
    embedding,
    sentences,
)
from tests.toys import Denoise, small_encoder


@parametrize_with_checks(
    [
        Subject(Contrast()),
        Subject(Adversarial()),
        Subject(Staged()),
        Subject(NextToken(), dataset=sentences(), encoder=embedding),
    ]
)
def test_sound_tasks_pass(check):
    check()


@pytest.mark.parametrize("toy", BROKEN, ids=[toy.__name__ for toy in BROKEN])
def test_each_broken_task_is_caught_by_the_check_that_exists_for_it(toy):
    name, message = BROKEN[toy]

    with pytest.raises(BrokenContractError, match=f"(?s){message}"):
        run_check(name, Subject(toy()))


def test_every_check_has_a_broken_task():
    assert {name for name, _ in BROKEN.values()} == set(CHECKS)


def test_what_cannot_be_read_off_noise_counts_as_withheld():
    run_check("targets_are_withheld", Subject(Turned()))


def test_all_breaks_are_told_together_with_seconds_and_reasons():
    skip = {"pretext_is_pure": "as a test"}
    names = ["config_round_trip", "reads_are_enforced", "pretext_is_pure"]

    results = check_task(Denoise(), only=names, skip=skip, encoder=small_encoder)

    assert results["config_round_trip"] >= 0
    assert results["pretext_is_pure"] == "Skipped: as a test"

    class TwoBreaks(TakesAnyData):
        def get_config(self):
            return {}

    with pytest.raises(BrokenContractError) as caught:
        check_task(TwoBreaks(), only=names, skip=skip)
    assert "TwoBreaks' breaks its contract (config_round_trip)" in str(caught.value)
    assert "(reads_are_enforced)" in str(caught.value)


def test_unknown_checks_are_refused():
    with pytest.raises(ConfigurationError, match="'typo'.*config_round_trip"):
        check_task(Denoise(), only=["typo"])
    with pytest.raises(ConfigurationError, match="'typo'"):
        check_task(Denoise(), skip={"typo": "no reason"})


def test_ids_name_task_and_check():
    marked = parametrize_with_checks(["denoising_autoencoder(code_dim=4)", Denoise(level=0.5)])

    _, cases = marked.args
    ids = [case.id for case in cases]

    assert ids[0] == "denoising_autoencoder(code_dim=4)-config_round_trip"
    assert ids[-1] == "Denoise(level=0.5)-pictures_render"
    assert len(set(ids)) == 2 * len(CHECKS)


def test_an_error_inside_a_check_names_task_check_and_error():
    class Crashes(Denoise):
        def build_model(self, inputs, encoder, data):
            raise RuntimeError("no such luck")

    with pytest.raises(BrokenContractError, match="'Crashes' fails in the check loss_falls.*luck"):
        run_check("loss_falls", Subject(Crashes()))


def test_nothing_to_check_is_said():
    with pytest.raises(NotApplicableError, match="xla = True"):
        run_check("xla_equals_eager", Subject(Denoise()))
