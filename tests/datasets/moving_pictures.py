"""Small videos whose every frame can be told from its pixels."""

import av
import numpy as np
from PIL import Image

SIDE = 32


def frame(number, value=0):
    """uint8 `(32, 32, 3)`: `number` in the five bits of grey stripes, red from `value`."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    for bit in range(8):
        pixels[:16, 4 * bit : 4 * bit + 4] = 230 * (number >> bit & 1)
        pixels[16:, 4 * bit : 4 * bit + 4] = 230 * (value >> bit & 1)
    return pixels


def number_in(pixels):
    """(number, value) of frames `(..., 32, 32, channels)`."""
    bright = np.asarray(pixels)[..., 0].astype(np.float32)
    weights = 2 ** np.arange(8)

    def read(rows):
        columns = rows.mean(-2).reshape(*rows.shape[:-2], 8, 4)[..., 1:3].mean(-1)
        return (columns > 110) @ weights

    return read(bright[..., 2:14, :]), read(bright[..., 18:30, :])


def write(path, count, value=0, codec="mpeg4", every=8, b_frames=0, picture=frame):
    """A video of `count` frames with a keyframe every `every` frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width = stream.height = SIDE
        stream.gop_size = every
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        if codec != "gif":
            stream.bit_rate = 2_000_000
            stream.codec_context.max_b_frames = b_frames
        for number in range(count):
            pixels = av.VideoFrame.from_ndarray(picture(number, value), format="rgb24")
            container.mux(stream.encode(pixels))
        container.mux(stream.encode())


def write_frames(folder, count, value=0, ending="png"):
    """A folder of frames, `frame0.png`, `frame1.png` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.fromarray(frame(number, value)).save(folder / f"frame{number}.{ending}")
