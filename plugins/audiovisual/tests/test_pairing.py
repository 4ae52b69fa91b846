"""Tests of sslkeras_audiovisual.pairing."""

import numpy as np
import tensorflow as tf
from sslkeras_audiovisual.pairing import cut, partners


def test_each_sound_of_another_video_is_equally_likely():
    clips = tf.constant([7, 7, 8, 9])
    counts = np.zeros((4, 4))
    for number in range(600):
        chosen, possible = partners(clips, clips, tf.constant([1, number]), keep_rows=False)
        counts[np.arange(4), chosen] += 1
        assert possible.numpy().all()

    assert not counts[0, :2].any() and not counts[1, :2].any()
    assert counts[2, 2] == counts[3, 3] == 0
    # 300 of 600 each with deviation 12; 200 of 600 with deviation 12.
    np.testing.assert_allclose(counts[:2, 2:], 300, atol=60)
    np.testing.assert_allclose(counts[2, [0, 1, 3]], 200, atol=60)


def test_rows_are_kept_unless_they_are_of_the_same_video():
    clips, others = tf.constant([1, 2, 3, 4]), tf.constant([5, 2, 6, 6])

    seen = set()
    for number in range(50):
        chosen, _ = partners(clips, others, tf.constant([2, number]), keep_rows=True)
        assert chosen.numpy()[[0, 2, 3]].tolist() == [0, 2, 3]
        seen.add(int(chosen[1]))
    assert seen == {0, 2, 3}


def test_where_all_sounds_are_of_the_same_video_there_is_none():
    _, possible = partners(
        tf.constant([1, 2]), tf.constant([1, 1, 1]), tf.constant([0, 0]), keep_rows=True
    )

    assert possible.numpy().tolist() == [False, True]


def test_each_waveform_is_cut_at_a_place_of_its_own():
    waveforms = tf.constant([[0.0, 1, 2, 3, 4], [10, 11, 12, 13, 14]])

    np.testing.assert_array_equal(cut(waveforms, tf.constant([2, 0]), 3), [[2, 3, 4], [10, 11, 12]])
