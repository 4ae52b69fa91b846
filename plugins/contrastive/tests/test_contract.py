"""The contract of every task in this distribution, in small configurations."""

from sslkeras.testing import Subject, parametrize_with_checks

SMALL = "projection_dim=6, queue_size=32, image_size=8"


@parametrize_with_checks(
    [
        Subject(f"moco({SMALL})"),
        Subject(
            f"moco({SMALL}, mlp_head=True, augmentation='v2', symmetric=True, bn_splits=2, "
            "momentum=0.9)"
        ),
    ]
)
def test_contract(check):
    check()
