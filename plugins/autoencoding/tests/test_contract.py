"""The contract of every task in this distribution, in small configurations."""

from sslkeras.testing import Subject, parametrize_with_checks

# Crops of 10 x 10, of which 6 x 6 pixels are predicted.
RESTORATION = "patch_size=10, p1=5, p3=1, maps=3"


@parametrize_with_checks(
    [
        Subject("autoencoder(code_dim=4, decoder_filters=(4,))"),
        Subject("autoencoder(form='mlp', hidden_sizes=(9,), code_dim=4, loss='sse')"),
        Subject(
            "autoencoder(form='mlp', hidden_sizes=(9,), code_dim=4, pretrain='greedy', "
            "greedy_epochs=1)"
        ),
        Subject("denoising_autoencoder(code_dim=4, decoder_filters=(4,))"),
        Subject("denoising_autoencoder(form='mlp', hidden_sizes=(9,), corruption='gaussian')"),
        Subject(
            "denoising_autoencoder(stacked=True, hidden_sizes=(9, 6), "
            "layer_corruption=(0.2, 0.5), layer_epochs=1, alpha=2.0)"
        ),
        Subject(f"image_restoration({RESTORATION})"),
        Subject(f"image_restoration(corruption='rain', n_drops=40, {RESTORATION})"),
    ]
)
def test_contract(check):
    check()
