"""Small sounds and videos with sound, whose every stretch can be told."""

import wave
from fractions import Fraction

import av
import numpy as np

from tests.datasets.moving_pictures import SIDE, frame


def ramp(seconds, rate, begin=0.0):
    """float64 `(samples,)`: at t seconds the value is (begin + t) / 10."""
    return (begin + np.arange(round(seconds * rate)) / rate) / 10


def write_wav(path, values, rate=8000, width=2):
    """Samples `(n,)` or `(n, channels)` in [-1, 1] as PCM of `width` bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.asarray(values)
    channels = 1 if values.ndim == 1 else values.shape[1]
    if width == 1:
        data = (values * 128 + 128).clip(0, 255).round().astype(np.uint8)
    else:
        data = (values * 2.0 ** (8 * width - 1)).round().astype(f"<i{width}")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data.tobytes())


def write_sound(path, values, rate, codec):
    """float `(n,)` in [-1, 1], encoded by `codec` ("flac", "libopus", "aac", "libmp3lame")."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        _encode(container, stream, np.asarray(values), rate)


def _encode(container, stream, values, rate):
    samples = (values * 32767).round().astype(np.int16)
    context = stream.codec_context
    if not context.is_open:
        context.open()
    resampler = av.AudioResampler(context.format, "mono", rate)
    size = context.frame_size or 1024
    for start in range(0, len(samples), size):
        part = samples[np.newaxis, start : start + size].copy()
        sound = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = rate, start, Fraction(1, rate)
        for converted in resampler.resample(sound):
            container.mux(stream.encode(converted))
    container.mux(stream.encode())


def write_video(path, count, values, *, rate=8000, fps=10, value=0, codec="mpeg4", sound="flac"):
    """A video of `count` numbered frames with the sound `values`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        pictures = container.add_stream(codec, rate=fps)
        pictures.width = pictures.height = SIDE
        pictures.gop_size, pictures.pix_fmt, pictures.bit_rate = 8, "yuv420p", 2_000_000
        stream = container.add_stream(sound, rate=rate, layout="mono")
        for number in range(count):
            shown = av.VideoFrame.from_ndarray(frame(number, value), format="rgb24")
            container.mux(pictures.encode(shown))
        container.mux(pictures.encode())
        _encode(container, stream, np.asarray(values), rate)
