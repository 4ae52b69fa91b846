"""The contract of the task that aligns videos, in small configurations."""

from sslkeras.testing import Subject, parametrize_with_checks

SMALL = (
    "num_frames=3, context_stride=1, image_size=12, conv_filters=(4,), dense_units=(6,), "
    "embedding_size=5"
)


@parametrize_with_checks(
    [
        Subject(f"temporal_cycle_consistency({SMALL}, dropout=0.0)"),
        Subject(
            f"temporal_cycle_consistency({SMALL}, num_context=1, loss_type='classification', "
            "stochastic_matching=True, videos_per_set=3, cycle_length=3, num_cycles=4)",
            dataset="digit_processes(num_examples=60, num_test=12, lengths=(5, 8))",
            random_model=True,
        ),
    ]
)
def test_contract(check):
    check()
