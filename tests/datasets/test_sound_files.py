"""Tests of sslkeras.datasets.sound_files."""

import numpy as np
import pytest

from sslkeras.datasets import sound_files
from sslkeras.datasets.decoded_split import UnreadableFileError
from sslkeras.datasets.sound_files import list_sounds, read_sound
from tests.datasets.sounds import ramp, write_sound, write_video, write_wav


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(("width", "step"), [(1, 1 / 128), (2, 1e-4), (4, 1e-6)])
def test_a_stretch_holds_the_samples_at_its_times(tmp_path, width, step):
    path = tmp_path / "ramp.wav"
    write_wav(path, ramp(3.0, 8000), width=width)

    for start in (0.0, 0.5, 1.25, 2.9):
        stretch = read_sound(str(path), start, 400, 8000)
        np.testing.assert_allclose(stretch, ramp(0.05, 8000, start), atol=step)


def test_beyond_the_sound_there_is_silence(tmp_path):
    path = tmp_path / "one.wav"
    write_wav(path, np.full(800, 0.5))

    stretch = read_sound(str(path), -0.02, 1200, 8000)

    np.testing.assert_allclose(stretch[160:960], 0.5, atol=1e-4)
    assert not stretch[:160].any() and not stretch[960:].any()


def test_channels_are_averaged(tmp_path):
    path = tmp_path / "two.wav"
    write_wav(path, np.stack([np.full(800, 0.5), np.full(800, -0.25)], axis=1))

    np.testing.assert_allclose(read_sound(str(path), 0.0, 800, 8000), 0.125, atol=1e-4)


@pytest.mark.parametrize("rate", [16000, 4000, 11025])
def test_another_sample_rate_keeps_pitch_and_time(tmp_path, rate):
    time = np.arange(16000) / 8000
    write_wav(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 440 * time))

    stretch = read_sound(str(tmp_path / "tone.wav"), 0.7, rate // 2, rate)

    expected = 0.5 * np.sin(2 * np.pi * 440 * (0.7 + np.arange(rate // 2) / rate))
    # Half a sample of the highest of these rates is a phase of 0.13.
    assert np.corrcoef(stretch, expected)[0, 1] > 0.99
    assert abs(np.abs(stretch).max() - 0.5) < 0.02


@pytest.mark.parametrize(
    ("name", "codec", "off", "delay"),
    [
        ("a.flac", "flac", 0.001, 0),
        ("a.opus", "libopus", 0.15, 0),
        ("a.m4a", "aac", 0.15, 0),
        ("a.mp3", "libmp3lame", 0.15, 1105),
    ],
)
def test_compressed_sounds_are_read_at_the_right_time_from_any_place(
    tmp_path, name, codec, off, delay
):
    # A rising tone: at 48 kHz its frequency is 200 + 200 t Hz.
    time = np.arange(3 * 48000) / 48000
    values = 0.5 * np.sin(2 * np.pi * (200 * time + 100 * time**2))
    write_sound(tmp_path / name, values, 48000, codec)
    (sound,) = list_sounds(tmp_path)

    assert abs(sound.seconds - 3.0) < 0.1
    for start in (0.2, 1.1, 2.3):
        first = round(start * 48000)
        # The clock of an mp3 counts what its encoder put before the sound.
        stretch = read_sound(sound.path, start + delay / 48000, 4800, 48000)
        error = np.abs(stretch - values[first : first + 4800]).max()
        assert error < off, (name, start, error)


def test_lengths_are_found_once_and_again_where_a_file_changed(tmp_path, monkeypatch):
    write_wav(tmp_path / "s" / "a.wav", ramp(0.5, 8000))
    write_wav(tmp_path / "s" / "b.WAV", ramp(1.5, 8000))
    probed = []
    probe = sound_files._probe
    monkeypatch.setattr(sound_files, "_probe", lambda path: probed.append(path) or probe(path))

    first = list_sounds(tmp_path / "s")
    again = list_sounds(tmp_path / "s")
    write_wav(tmp_path / "s" / "a.wav", ramp(0.75, 8000))
    changed = list_sounds(tmp_path / "s")

    assert [(s.name, s.seconds) for s in first] == [("a.wav", 0.5), ("b.WAV", 1.5)]
    assert again == first and len(probed) == 3
    assert [s.seconds for s in changed] == [0.75, 1.5]


def test_damage_is_said(tmp_path):
    write_wav(tmp_path / "cut.wav", ramp(2.0, 8000))
    whole = (tmp_path / "cut.wav").read_bytes()
    write_sound(tmp_path / "cut.flac", ramp(2.0, 8000), 8000, "flac")
    flac = (tmp_path / "cut.flac").read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "cut.flac").write_bytes(flac[: len(flac) // 2])
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.mp3").write_text("no sound at all " * 50)
    write_wav(tmp_path / "whole.wav", ramp(1.0, 8000))

    damage = {sound.name: sound.damage for sound in list_sounds(tmp_path)}

    assert damage.pop("whole.wav") is None
    assert set(damage) == {"cut.wav", "cut.flac", "empty.wav", "text.mp3"}
    assert all(damage.values())
    with pytest.raises(UnreadableFileError, match="cannot be decoded"):
        read_sound(str(tmp_path / "empty.wav"), 0.0, 10, 8000)
    with pytest.raises(UnreadableFileError, match="has no sound from 5.0"):
        read_sound(str(tmp_path / "whole.wav"), 5.0 + 0.05, 100, 8000)


def test_videos_tell_when_their_pictures_are_shown(tmp_path):
    write_video(tmp_path / "a.mkv", 20, ramp(2.0, 8000), fps=10)

    (sound,) = list_sounds(tmp_path, (".mkv",))

    assert sound.frame_rate == pytest.approx(10.0)
    assert sound.first_frame == pytest.approx(0.0, abs=0.02)
    assert sound.seconds == pytest.approx(2.0, abs=0.05)
