"""Random changes of batches of images, as functions of a seed."""

from sslkeras.augmentation.colour_jitter import adjust_colours, colour_jitter
from sslkeras.augmentation.cutout import cutout, random_cutout
from sslkeras.augmentation.gaussian_blur import gaussian_blur, random_gaussian_blur
from sslkeras.augmentation.grayscale import grayscale, random_grayscale
from sslkeras.augmentation.horizontal_flip import random_horizontal_flip
from sslkeras.augmentation.random_resized_crop import crop_and_resize, random_resized_crop
from sslkeras.augmentation.solarise import random_solarise, solarise

__all__ = [
    "adjust_colours",
    "colour_jitter",
    "crop_and_resize",
    "cutout",
    "gaussian_blur",
    "grayscale",
    "random_cutout",
    "random_gaussian_blur",
    "random_grayscale",
    "random_horizontal_flip",
    "random_resized_crop",
    "random_solarise",
    "solarise",
]
