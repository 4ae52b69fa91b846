"""The core distribution of sslkeras. Each folder in plugins/ is a distribution of its own."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+?)"', (HERE / "sslkeras" / "__init__.py").read_text(encoding="utf-8")
).group(1)

setup(
    name="sslkeras",
    version=VERSION,
    description="Plugin-based self-supervised learning with Keras and TensorFlow.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    packages=find_packages(include=["sslkeras", "sslkeras.*"]),
    # entry_points(group=...) needs 3.10; TensorFlow 2.15 has no wheel for 3.12.
    python_requires=">=3.10,<3.12",
    install_requires=[
        # tensorflow-addons 0.23 fails to import on Keras 3.
        "tensorflow>=2.15.1,<2.16",
        "keras>=2.15,<2.16",
        "tensorflow-addons>=0.23,<0.24",
        "tf-keras-vis>=0.8.6",
        "absl-py>=1.4",
        "packaging>=21",
        "numpy<2",
        "scikit-learn>=1.2",
        "scipy>=1.9",
        "matplotlib>=3.6",
        "pillow>=9.1",
    ],
    extras_require={
        # tensorflow-datasets beside TensorFlow 2.15 needs these older companions.
        "tfds": ["tensorflow-datasets<4.9.7", "tensorflow-metadata<1.16", "protobuf<5"],
        # 4.11 is OpenCV's last with wheels for numpy 1.
        "video": ["av>=12", "opencv-python-headless>=4.8,<4.12"],
        "text": ["tokenizers>=0.15"],
        "audio": ["av>=12"],
        "gpu": ["tensorflow[and-cuda]>=2.15.1,<2.16"],
        "test": [
            "pytest>=7.2",
            "pytest-xdist>=3.3",
            "hypothesis>=6.70",
            "ruff>=0.6",
            "scikit-image>=0.20",
            "tokenizers>=0.15",
            "gensim>=4.3",
            "av>=12",
            "opencv-python-headless>=4.8,<4.12",
        ],
    },
    entry_points={
        "console_scripts": ["sslkeras = sslkeras.commands.main:run"],
        "sslkeras.datasets": [
            "digits = sslkeras.datasets.digits:Digits",
            "moving_digits = sslkeras.datasets.moving_digits:MovingDigits",
            "two_view_digits = sslkeras.datasets.two_view_digits:TwoViewDigits",
            "sounding_digits = sslkeras.datasets.sounding_digits:SoundingDigits",
            "photos = sslkeras.datasets.photos:Photos",
            "image_folder = sslkeras.datasets.image_folder:ImageFolder",
            "video_folder = sslkeras.datasets.video_folder:VideoFolder",
            "audio_folder = sslkeras.datasets.audio_folder:AudioFolder",
            "av_folder = sslkeras.datasets.av_folder:AVFolder",
            "optical_flow = sslkeras.datasets.optical_flow:OpticalFlow",
            "npz = sslkeras.datasets.npz:Npz",
            "text_files = sslkeras.datasets.text_files:TextFiles",
            "docstrings = sslkeras.datasets.docstrings:Docstrings",
            "tfrecord = sslkeras.datasets.tfrecord:TFRecord",
            "tfds = sslkeras.datasets.tfds:TFDS",
            "keras = sslkeras.datasets.keras_datasets:KerasDataset",
        ],
        "sslkeras.encoders": [
            "vgg16 = sslkeras.encoders.vgg:VGG16",
            "l3net = sslkeras.encoders.l3net:L3Net",
            "spectrogram = sslkeras.encoders.spectrogram:Spectrogram",
            "alexnet = sslkeras.encoders.alexnet:AlexNet",
            "mlp = sslkeras.encoders.mlp:MLP",
            "convnet = sslkeras.encoders.convnet:Convnet",
            "resnet18 = sslkeras.encoders.resnet:ResNet18",
            "resnet34 = sslkeras.encoders.resnet:ResNet34",
            "resnet50 = sslkeras.encoders.resnet:ResNet50",
            "vgg_m = sslkeras.encoders.vgg_m:VGGM",
            "over_time = sslkeras.encoders.over_time:OverTime",
            "convnet3d = sslkeras.encoders.convnet3d:Convnet3D",
            "r3d18 = sslkeras.encoders.resnet3d:R3D18",
            "r2plus1d18 = sslkeras.encoders.resnet3d:R2Plus1D18",
            "transformer = sslkeras.encoders.transformer:Transformer",
            "applications = sslkeras.encoders.applications:Applications",
        ],
        "sslkeras.probes": [
            "linear = sslkeras.evaluation.linear:Linear",
            "knn = sslkeras.evaluation.knn:KNN",
            "finetune = sslkeras.evaluation.finetune:Finetune",
            "alignment_error = sslkeras.evaluation.alignment_error:AlignmentError",
            "anomaly = sslkeras.evaluation.anomaly:Anomaly",
            "attribute_error = sslkeras.evaluation.attribute_error:AttributeClassificationError",
            "cross_modal_retrieval = sslkeras.evaluation.cross_modal_retrieval:CrossModalRetrieval",
            "disentanglement = sslkeras.evaluation.disentanglement:Disentanglement",
            "frame_retrieval = sslkeras.evaluation.frame_retrieval:FrameRetrieval",
            "kendall_tau = sslkeras.evaluation.kendall_tau:KendallTau",
            "phase_classification = sslkeras.evaluation.phase_classification:PhaseClassification",
            "phase_progression = sslkeras.evaluation.phase_progression:PhaseProgression",
            "retrieval = sslkeras.evaluation.retrieval:Retrieval",
            "label_propagation = sslkeras.evaluation.label_propagation:LabelPropagation",
            "bag_of_words = sslkeras.evaluation.bag_of_words:BagOfWords",
            "localization = sslkeras.evaluation.localization:Localization",
            "flow_epe = sslkeras.evaluation.flow_epe:FlowEPE",
            "word_analogy = sslkeras.evaluation.word_analogy:WordAnalogy",
            "word_similarity = sslkeras.evaluation.word_similarity:WordSimilarity",
            "masked_accuracy = sslkeras.evaluation.masked_accuracy:MaskedAccuracy",
            "perplexity = sslkeras.evaluation.perplexity:Perplexity",
            "frame_quality = sslkeras.evaluation.frame_quality:FrameQuality",
        ],
    },
)
