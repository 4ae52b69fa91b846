"""The parts of sslkeras in your own code: no trainer, no run folder, only `model.fit`.

    python examples/model_fit.py [EPOCHS]

Pretrains a small trunk to restore damaged digits, then asks what its features are worth:
a nearest-neighbour vote with ten labels a class, beside the same vote on raw pixels.
"""

import sys

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

import sslkeras

epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 20

# Data, task and trunk, by name. Any of them may be an object of your own instead.
data = sslkeras.datasets.create("digits")
task = sslkeras.tasks.create("denoising_autoencoder(corruption_level=0.25)")
encoder = sslkeras.encoders.create("convnet(filters=(16, 32), strides=(1, 2))")

# The pretext runs inside tf.data: what comes out is (damaged images, clean images).
examples = task.examples(data.train, batch_size=64)
held_out = task.examples(data.test, batch_size=64, training=False)

# An ordinary Keras model.
model = task.build_model(examples.element_spec[0], encoder, data)
model.compile("adam", loss=task.loss(), metrics=task.metrics())
model.fit(examples, validation_data=held_out, epochs=epochs, verbose=2)

# What transfers is a model of its own, from raw images to features.
trunk = task.encoders(model)["encoder"]


def arrays(split):
    """All images and labels of a split, in its stored order."""
    batches = list(split.batches(256).as_numpy_iterator())
    return tuple(np.concatenate([batch[name] for batch in batches]) for name in ("image", "label"))


(images, labels), (test_images, test_labels) = arrays(data.train), arrays(data.test)
few = np.concatenate([np.flatnonzero(labels == digit)[:10] for digit in range(10)])
for name, features_of in [
    ("pretrained", lambda x: trunk.predict(x, verbose=0)),
    ("raw pixels", lambda x: x.reshape(len(x), -1)),
]:
    vote = KNeighborsClassifier(5).fit(features_of(images[few]), labels[few])
    print(f"{name}: {vote.score(features_of(test_images), test_labels):.3f} of test digits right")
