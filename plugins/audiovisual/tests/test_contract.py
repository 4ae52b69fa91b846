"""The contract of every task in this distribution, in small configurations."""

import sslkeras
from sslkeras.datasets import ArraySplit, Given
from sslkeras.testing import Subject, parametrize_with_checks

SOUNDS = (
    "sample_rate=6000, audio_seconds=0.02, frame_length=32, frame_step=16, fft_length=32, "
    "image_size=16, max_misalignment=0.01, frame_rate=200.0, embedding_dim=6"
)


def digits():
    """Sounding digits, drawn and sounded once instead of in each of the graphs."""
    data = sslkeras.datasets.create(
        "sounding_digits(num_examples=48, num_test=20, size=18, digit_size=8, sample_rate=6000, "
        "seconds=0.05)"
    )
    splits = [next(iter(split.batches(split.size))) for split in (data.train, data.test)]
    return Given(
        *(ArraySplit({k: v.numpy() for k, v in split.items()}) for split in splits),
        label_names=data.label_names,
    )


DIGITS = digits()


@parametrize_with_checks(
    [
        Subject(f"audiovisual_correspondence({SOUNDS}, {arguments})", dataset=DIGITS)
        for arguments in ("variant='ave'", "variant='avol'", "variant='l3', negatives='in_batch'")
    ]
)
def test_contract(check):
    check()
