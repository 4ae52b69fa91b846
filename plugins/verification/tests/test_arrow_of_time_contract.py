"""The contract of arrow_of_time, in small configurations."""

from sslkeras.testing import Subject, parametrize_with_checks

SMALL = "num_flow=4, crop_size=14, flow_clip=4.0, top_units=5, top_layers=1"
EXACT = "top_norm=False, dropout=0.0"
DIGITS = (
    "moving_digits(num_examples=32, num_test=8, num_digits=1, num_frames=6, size=16, "
    "digit_size=8, speed=(1, 3), friction=(0.5, 0.8))"
)


@parametrize_with_checks(
    [
        Subject(f"arrow_of_time({SMALL}, {EXACT})", dataset=f"optical_flow('{DIGITS}')"),
        Subject(
            f"arrow_of_time({SMALL}, flow_source='horn_schunck', localization='gradcam', "
            "stabilize='affine')",
            dataset=DIGITS,
            random_model=True,
        ),
        Subject(
            f"arrow_of_time({SMALL}, input_type='rgb_difference', num_groups=1, {EXACT})",
            dataset=DIGITS,
        ),
    ]
)
def test_contract(check):
    check()
