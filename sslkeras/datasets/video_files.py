"""Video files and folders of frames: how many frames there are, and reading some of them."""

import concurrent.futures
import dataclasses
import hashlib
import os
import re

import numpy as np
from PIL import Image

from sslkeras.datasets.decoded_split import UnreadableFileError
from sslkeras.datasets.disk_cache import cache_folder, load_arrays, save_arrays
from sslkeras.datasets.file_listing import list_files
from sslkeras.datasets.media import opened, pyav

CONTAINERS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".gif")
FRAMES = (".jpg", ".jpeg", ".png", ".bmp")
_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Video:
    """A video file, or a folder of frames.

    Attributes:
        name: Its path relative to the listed folder.
        path: Its whole path.
        num_frames: Number of frames; 0 if it is damaged.
        keyframes: int64 `(keyframes, 2)`: number and timestamp of the frames at which decoding
            can begin; none where the container does not tell.
        frames: Paths of the frames of a folder in their order; None for a file.
        damage: Why it cannot be read, or None.
    """

    name: str
    path: str
    num_frames: int
    keyframes: np.ndarray
    frames: tuple | None = None
    damage: str | None = None


def list_videos(root) -> list[Video]:
    """The videos below `root`, sorted by name.

    Every file in one of `CONTAINERS` is a video, and so is every folder that directly holds
    images, whose frames are in the order of the numbers in their names. To count frames
    and find keyframes each file is read once, and not decoded; what was found is remembered
    in the user's cache folder until the file changes.

    Raises:
        DataError: If `root` is no folder that can be listed, or PyAV is not installed.
    """
    listing = list_files(root, CONTAINERS + FRAMES)
    names = [listing.name(number) for number in range(len(listing))]
    files = [name for name in names if name.lower().endswith(CONTAINERS)]
    folders = {}
    for name in names:
        if not name.lower().endswith(CONTAINERS):
            folders.setdefault(os.path.dirname(name), []).append(os.path.join(listing.root, name))
    videos = _probe_all(listing.root, files)
    for name, frames in folders.items():
        frames = tuple(sorted(frames, key=_natural))
        path = os.path.join(listing.root, name)
        videos.append(Video(name, path, len(frames), np.empty((0, 2), np.int64), frames))
    return sorted(videos, key=lambda video: video.name)


def _natural(path):
    """Sorts frame9 before frame10."""
    parts = re.split(r"(\d+)", os.path.basename(path))
    return [(int(part), part) if part.isdigit() else (-1, part) for part in parts]


def _probe(path):
    """Number of frames and keyframes of a file, from its packets.

    Raises:
        UnreadableFileError: If it is cut off, damaged or no video.
    """
    stamps, keys = [], []
    with opened(path) as (container, stream):
        promised = stream.frames
        seekable = container.format.name != "gif"  # Its frames are differences.
        # AVI was not made for frames that are stored out of order: some packets hold none.
        if container.format.name == "avi" and stream.codec_context.has_b_frames:
            stamps = [None for _ in container.decode(stream)]
            promised = 1
        for packet in container.demux(stream):  # None are left after decoding.
            if packet.is_corrupt:
                raise UnreadableFileError(f"{path} is cut off")
            if packet.size and not packet.is_discard:
                stamps.append(packet.pts)
                keys.append(packet.is_keyframe)
    if not stamps or len(stamps) < 0.98 * promised:
        raise UnreadableFileError(f"{path} has {len(stamps)} of {promised} frames")
    if not seekable or None in stamps or len(set(stamps)) < len(stamps):
        return len(stamps), np.empty((0, 2), np.int64)
    stamps = np.array(stamps, np.int64)
    place = np.argsort(np.argsort(stamps))  # Packets come in the order of decoding.
    keyframes = np.stack([place, stamps], axis=1)[np.array(keys, bool)]
    return len(stamps), keyframes[np.argsort(keyframes[:, 0])]


def _probe_all(root, names):
    """A `Video` for each file, from the cache where nothing has changed."""
    digest = hashlib.sha256(repr((_FORMAT, os.fsencode(root))).encode()).hexdigest()[:32]
    cache = cache_folder("videos", f"{digest}.npz")
    known = _remembered(cache)

    def look(name):
        path = os.path.join(root, name)
        try:
            status = os.stat(path)
            state = (status.st_mtime_ns, status.st_size)
            if name in known and known[name][0] == state:
                _, count, keyframes = known[name]
            else:
                count, keyframes = _probe(path)
        except UnreadableFileError as error:
            return None, Video(name, path, 0, np.empty((0, 2), np.int64), damage=str(error))
        except OSError as error:
            reason = f"{path} cannot be opened: {error}"
            return None, Video(name, path, 0, np.empty((0, 2), np.int64), damage=reason)
        return state, Video(name, path, count, keyframes)

    if not names:
        return []
    pyav()  # Its absence is no property of any one file.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        looked = list(pool.map(look, names))
    if any(state and (v.name not in known or known[v.name][0] != state) for state, v in looked):
        _remember(cache, [(state, video) for state, video in looked if state])
    return [video for _, video in looked]


def _remembered(path):
    """Name to ((time of change, bytes), number of frames, keyframes)."""
    arrays = load_arrays(path)
    if arrays is None:
        return {}
    names = [os.fsdecode(name) for name in arrays["names"].tobytes().split(b"\0")]
    keyframes = np.split(arrays["keyframes"], np.cumsum(arrays["num_keyframes"])[:-1])
    return {
        name: (tuple(state), count, keys)
        for name, state, count, keys in zip(
            names, arrays["states"].tolist(), arrays["num_frames"].tolist(), keyframes, strict=True
        )
    }


def _remember(path, looked):
    videos = [video for _, video in looked]
    save_arrays(
        path,
        {
            "names": np.frombuffer(b"\0".join(os.fsencode(v.name) for v in videos), np.uint8),
            "states": np.array([state for state, _ in looked], np.int64),
            "num_frames": np.array([video.num_frames for video in videos], np.int64),
            "num_keyframes": np.array([len(video.keyframes) for video in videos], np.int64),
            "keyframes": np.concatenate([video.keyframes for video in videos]),
        },
    )


def read_frames(video, numbers, size, channels, out=None) -> np.ndarray:
    """Some frames of a video; decoding begins at the last keyframe before them.

    Args:
        video: The `Video`.
        numbers: Numbers of the frames, increasing.
        size: (height, width) in pixels. A frame is scaled to cover them, its middle is kept.
        channels: 1 or 3.
        out: Array to write them to, instead of a new one.

    Returns:
        uint8 `(frames, height, width, channels)`.

    Raises:
        UnreadableFileError: If one of them cannot be decoded.
    """
    result = np.empty((len(numbers), *size, channels), np.uint8) if out is None else out
    if video.frames is not None:
        for place, number in enumerate(numbers):
            result[place] = _read_image(video.frames[number], size, channels)
        return result
    wanted = {int(number): place for place, number in enumerate(numbers)}
    # One for all frames: to set up the scaling takes longer than to scale a small frame.
    scaler = pyav().video.reformatter.VideoReformatter()
    for number, frame in _decoded(video, int(numbers[0]), int(numbers[-1])):
        if number in wanted:
            result[wanted.pop(number)] = _as_array(scaler, frame, size, channels)
    if wanted:
        raise UnreadableFileError(f"{video.path} has no frame {min(wanted)}")
    return result


def _decoded(video, first, last):
    """(number, frame) of decoded frames up to `last`; they begin at `first` or before."""
    before = np.searchsorted(video.keyframes[:, 0], first, side="right") - 1
    if before > 0:  # Otherwise the nearest keyframe is the beginning.
        number, stamp = video.keyframes[before].tolist()
        with opened(video.path) as (container, stream):
            container.seek(stamp, stream=stream)
            # Frames before the keyframe may come first, and be incomplete.
            frames = (f for f in container.decode(stream) if f.pts is None or f.pts >= stamp)
            frame = next(frames, None)
            if frame is not None and frame.pts == stamp:
                yield number, frame
                yield from zip(range(number + 1, last + 1), frames)
                return
    # The container did not go there.
    with opened(video.path) as (container, stream):
        yield from zip(range(last + 1), container.decode(stream))


def _cover(height, width, size):
    """The least (height, width) of a frame scaled so that it covers `size`."""
    scale = max(size[0] / height, size[1] / width)
    return max(size[0], round(height * scale)), max(size[1], round(width * scale))


def _as_array(scaler, frame, size, channels):
    height, width = _cover(frame.height, frame.width, size)
    kind = "rgb24" if channels == 3 else "gray"
    scaled = scaler.reformat(frame, width, height, kind, interpolation="AREA")
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    pixels = scaled.to_ndarray().reshape(height, width, channels)
    return pixels[top : top + size[0], left : left + size[1]]


def _read_image(path, size, channels):
    kind = "RGB" if channels == 3 else "L"
    try:
        with Image.open(path) as image:
            image.draft(kind, (2 * size[1], 2 * size[0]))  # A large JPEG is decoded smaller.
            height, width = _cover(image.height, image.width, size)
            tall, wide = size[0] * image.height / height, size[1] * image.width / width
            left, top = (image.width - wide) / 2, (image.height - tall) / 2
            box = (left, top, left + wide, top + tall)
            pixels = image.convert(kind).resize(size[::-1], Image.Resampling.BILINEAR, box)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableFileError(f"{path} is no readable image: {error}") from error
    return np.asarray(pixels).reshape(*size, channels)
