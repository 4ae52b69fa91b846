"""The contract of the task in this distribution, in small configurations."""

from sslkeras.testing import Subject, parametrize_with_checks

SMALL = (
    "image_size=8, pairs_per_sequence=2, embedding_dim=8, conv_filters=(16,), dense_units=(24,), "
    "pos_radius=1, neg_radius=2"
)
CALM = "normalization='group', dropout=0.0"
DIGITS = "two_view_digits(num_examples=32, num_test=8, size=10, num_frames=6)"
ARMS = "planar_arms(num_others=16, num_robots=16, num_test=8, size=10, num_frames=6)"


@parametrize_with_checks(
    [
        Subject(f"time_contrastive({SMALL}, {CALM}, joint_regression=True)", dataset=ARMS),
        Subject(
            f"time_contrastive({SMALL}, {CALM}, mode='singleview', objective='triplet_semihard')"
        ),
        Subject(
            f"time_contrastive({SMALL}, objective='triplet')", dataset=DIGITS, random_model=True
        ),
    ]
)
def test_contract(check):
    check()
