"""The contract of the tasks on patches of images, in small configurations."""

from sslkeras.testing import Subject, parametrize_with_checks

PAIRS = (
    "patch_size=6, gap=4, jitter=1, rms_scale=1.0, downsample_min_pixels=9, fc6_units=6, "
    "head_units=(5, 4)"
)
PUZZLE = "grid=2, num_permutations=6, window=20, cell=10, tile=7, channel_jitter=1"
HEAD = "fc6_units=6, fc7_units=5"


@parametrize_with_checks(
    [
        Subject(
            f"relative_position({PAIRS}, min_pixels=600, max_pixels=900, batch_norm=False, "
            "pairs_per_image=2)"
        ),
        Subject(
            f"relative_position({PAIRS}, min_pixels=None, max_pixels=None, color_mode='project')"
        ),
        Subject(f"jigsaw({PUZZLE}, short_side=None, {HEAD}, dropout=0.0)"),
        Subject(f"jigsaw({PUZZLE}, short_side=24, {HEAD}, min_distance=3)", random_model=True),
    ]
)
def test_contract(check):
    check()
