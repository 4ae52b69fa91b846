"""What an autoencoder must beat: the mean image and PCA."""

import numpy as np

from sslkeras.errors import DataError


def baselines(train_images, test_images, code_dim):
    """Squared error per test image of two reconstructions fitted on training images.

    Args:
        train_images: float `(examples, ...)`.
        test_images: float `(examples, ...)` of the same shape.
        code_dim: Number of principal components.

    Returns:
        `{"mean_image": ..., "pca": ...}`, each the mean over images of the sum over pixels.

    Raises:
        DataError: If the images differ in shape or there are fewer than `code_dim`.
    """
    from sklearn.decomposition import PCA

    train, test = np.asarray(train_images), np.asarray(test_images)
    if train.shape[1:] != test.shape[1:]:
        raise DataError(
            "Training and test images must have one shape. Received: "
            f"{train.shape[1:]} and {test.shape[1:]}."
        )
    train, test = train.reshape(len(train), -1), test.reshape(len(test), -1)
    if code_dim > min(train.shape):
        raise DataError(
            "PCA needs at least as many training images and pixels as components. Received: "
            f"{train.shape[0]} images of {train.shape[1]} pixels for {code_dim} components."
        )
    pca = PCA(code_dim, random_state=0).fit(train)
    restored = pca.inverse_transform(pca.transform(test))

    def error(answer):
        return float(np.mean(np.sum(np.square(test - answer), axis=1)))

    return {"mean_image": error(train.mean(axis=0)), "pca": error(restored)}
