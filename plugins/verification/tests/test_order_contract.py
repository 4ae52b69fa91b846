"""The contract of the tasks that ask for an order, in small configurations."""

from sslkeras.testing import Subject, parametrize_with_checks

TRIPLETS = "positive_span=2, negative_margin=1, image_size=12, feature_units=6"
TUPLES = "num_frames=3, patch_size=9, region_margin=3, spatial_jitter=1, fc6_units=6, fc7_units=5"
QUESTIONS = "num_elements=4, frames_per_element=3, image_size=12, feature_units=6, hidden_units=5"
DIGITS = "moving_digits(num_examples=32, num_test=8, num_frames=6, size=14, digit_size=8)"


@parametrize_with_checks(
    [
        Subject(
            f"shuffle_and_learn({TRIPLETS}, motion_source='frame_difference', head_units=5, "
            "batch_norm=False, dropout=0.0)"
        ),
        Subject(
            f"shuffle_and_learn({TRIPLETS}, crop_margin=2, mirror=True, min_frame_mse=0.0)",
            dataset=DIGITS,
            random_model=True,
        ),
        Subject(
            f"sequence_sorting({TUPLES}, motion_source='frame_difference', batch_norm=False, "
            "dropout=0.0)"
        ),
        Subject(
            f"sequence_sorting({TUPLES}, frame_interval=1, head='concat')",
            dataset=DIGITS,
            random_model=True,
        ),
        Subject(f"odd_one_out({QUESTIONS}, batch_norm=False, dropout=0.0)"),
        Subject(
            f"odd_one_out({QUESTIONS}, clip_encoder='dynamic_image', sampling='consecutive', "
            "frame_stride=2, fusion='concat', crop_margin=2)",
            dataset=DIGITS,
            random_model=True,
        ),
    ]
)
def test_contract(check):
    check()
