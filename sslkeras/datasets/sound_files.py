"""Sound files, and the sound of videos: how long they are, and reading a stretch of them."""

import concurrent.futures
import dataclasses
import hashlib
import math
import os

import numpy as np
import scipy.signal

from sslkeras.datasets.decoded_split import UnreadableFileError
from sslkeras.datasets.disk_cache import cache_folder, load_arrays, save_arrays
from sslkeras.datasets.file_listing import list_files
from sslkeras.datasets.media import opened, pyav

SOUNDS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".aif", ".aiff")
_FORMAT = 1
# Decoded beyond a stretch, for the filter that resamples it, and before it, for codecs whose
# packets depend on those before; in seconds.
_MARGIN, _PREROLL = 0.05, 0.5
# Timestamps of some containers are no finer than this, in seconds; a larger gap is one.
_GAP = 0.03
# Their headers only guess how long the sound is.
_GUESSING = ("mp3", "aac", "mpeg", "mpegts")


@dataclasses.dataclass(frozen=True)
class Sound:
    """A sound, or the sound of a video.

    Attributes:
        name: Its path relative to the listed folder.
        path: Its whole path.
        start: Where it begins on the clock of the file, in seconds.
        seconds: How long it is; 0 if it is damaged.
        first_frame: When the first picture of a video is shown on that clock, in seconds.
        frame_rate: Pictures a second; 0 for a file without.
        damage: Why it cannot be read, or None.
    """

    name: str
    path: str
    start: float = 0.0
    seconds: float = 0.0
    first_frame: float = 0.0
    frame_rate: float = 0.0
    damage: str | None = None


def list_sounds(root, extensions=SOUNDS) -> list[Sound]:
    """The sounds below `root`, sorted by name.

    To know its length each file is read once, and not decoded; what was found is remembered
    in the user's cache folder until the file changes.

    Args:
        root: The folder.
        extensions: Endings of the files, in any case.

    Raises:
        DataError: If `root` is no folder that can be listed, or PyAV is not installed.
    """
    listing = list_files(root, extensions)
    names = sorted(listing.name(number) for number in range(len(listing)))
    if names:
        pyav()  # Its absence is no property of any one file.
    digest = hashlib.sha256(repr((_FORMAT, os.fsencode(listing.root))).encode()).hexdigest()[:32]
    cache = cache_folder("sounds", f"{digest}.npz")
    known = _remembered(cache)

    def look(name):
        path = os.path.join(listing.root, name)
        try:
            status = os.stat(path)
            state = (status.st_mtime_ns, status.st_size)
            if name in known and known[name][0] == state:
                extent = known[name][1]
            else:
                extent = _probe(path)
        except UnreadableFileError as error:
            return None, Sound(name, path, damage=str(error))
        except OSError as error:
            return None, Sound(name, path, damage=f"{path} cannot be opened: {error}")
        return state, Sound(name, path, *extent)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        looked = list(pool.map(look, names))
    if any(state and (s.name not in known or known[s.name][0] != state) for state, s in looked):
        _remember(cache, [(state, sound) for state, sound in looked if state])
    return [sound for _, sound in looked]


def _remembered(path):
    """Name to ((time of change, bytes), what `_probe` found)."""
    arrays = load_arrays(path)
    if arrays is None:
        return {}
    names = [os.fsdecode(name) for name in arrays["names"].tobytes().split(b"\0")]
    return {
        name: (tuple(state), tuple(extent))
        for name, state, extent in zip(
            names, arrays["states"].tolist(), arrays["extents"].tolist(), strict=True
        )
    }


def _remember(path, looked):
    save_arrays(
        path,
        {
            "names": np.frombuffer(b"\0".join(os.fsencode(s.name) for _, s in looked), np.uint8),
            "states": np.array([state for state, _ in looked], np.int64),
            "extents": np.array(
                [(s.start, s.seconds, s.first_frame, s.frame_rate) for _, s in looked]
            ),
        },
    )


def _probe(path):
    """Start and length of the sound, first picture (all in seconds) and frame rate of a file.

    They come from its packets and its header; nothing is decoded.

    Raises:
        UnreadableFileError: If it is cut off, damaged or has no sound.
    """
    begin, end = math.inf, -math.inf
    with opened(path, "audio") as (container, stream):
        base = float(stream.time_base)
        promised = float(stream.duration or 0) * base
        guessed = container.format.name in _GUESSING
        for packet in container.demux(stream):
            if packet.is_corrupt:
                raise UnreadableFileError(f"{path} is cut off")
            if packet.size and packet.pts is not None:
                begin = min(begin, packet.pts * base)
                end = max(end, (packet.pts + (packet.duration or 0)) * base)
        if not begin < end:
            raise UnreadableFileError(f"{path} holds no sound")
        if not guessed and end - begin < 0.98 * promised:
            raise UnreadableFileError(f"{path} has {end - begin:.2f} of {promised:.2f} seconds")
        pictures = container.streams.video
        first = float((pictures[0].start_time or 0) * pictures[0].time_base) if pictures else 0.0
        frame_rate = float(pictures[0].average_rate or 0) if pictures else 0.0
    return begin, end - begin, first, frame_rate


def read_sound(path, start, count, rate) -> np.ndarray:
    """A stretch of sound, as one channel at the sample rate asked for.

    Channels are averaged. Where the stretch reaches beyond the sound there is silence.

    Args:
        path: The file, a sound or a video.
        start: Where the stretch begins on the clock of the file, in seconds.
        count: Samples that come out.
        rate: Samples in a second.

    Returns:
        float32 `(count,)` in [-1, 1].

    Raises:
        UnreadableFileError: If it cannot be decoded, or holds nothing of the stretch.
    """
    end = start + count / rate
    own_rate, first, samples = _decoded(path, start - _MARGIN, end + _MARGIN)
    if own_rate != rate:
        divisor = math.gcd(rate, own_rate)
        samples = scipy.signal.resample_poly(samples, rate // divisor, own_rate // divisor)
    skipped = round((start - first / own_rate) * rate)
    stretch = samples[skipped : skipped + count]
    stretch = np.pad(stretch, (0, count - len(stretch)))
    return np.clip(stretch, -1.0, 1.0).astype(np.float32)


def _decoded(path, start, end):
    """Sample rate, number of the first sample, and samples from `start` to `end` (seconds)."""
    for seek in (True, False) if start > _PREROLL else (False,):
        with opened(path, "audio") as (container, stream):
            rate = stream.codec_context.sample_rate
            first = math.floor(start * rate + 1e-6)
            samples = np.zeros(math.ceil(end * rate) - first)
            if seek:
                container.seek(int((start - _PREROLL) / stream.time_base), stream=stream)
            place, heard = None, False
            for frame in container.decode(stream):
                stamp = None if frame.pts is None else round(frame.time * rate)
                if place is None:
                    if seek and (stamp is None or stamp > first):
                        break  # The container did not go there.
                    place = stamp or 0
                elif stamp is not None and abs(stamp - place) > _GAP * rate:
                    place = stamp
                values = _mono(frame)
                low, high = max(place, first), min(place + len(values), first + len(samples))
                if low < high:
                    samples[low - first : high - first] = values[low - place : high - place]
                    heard = True
                place += len(values)
                if place >= first + len(samples):
                    break
        if heard:
            return rate, first, samples
    raise UnreadableFileError(f"{path} has no sound from {start:.2f} to {end:.2f} s")


def _mono(frame):
    """float64 `(samples,)` in [-1, 1]: the mean of the channels of a decoded frame."""
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    if values.dtype.kind == "u":
        values = values.astype(np.float64) - 128.0
        return values.mean(axis=0) / 128.0
    if values.dtype.kind == "i":
        scale = -float(np.iinfo(values.dtype).min)
        return values.mean(axis=0, dtype=np.float64) / scale
    return values.mean(axis=0, dtype=np.float64)
