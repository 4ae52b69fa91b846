"""Containers of pictures and sound, opened by PyAV."""

import contextlib
import functools

from sslkeras.datasets.decoded_split import UnreadableFileError
from sslkeras.errors import DataError


@functools.cache
def pyav():
    """The module `av`.

    Raises:
        DataError: If it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise DataError(
            "Videos and sounds are decoded by PyAV, which must be installed. Received: "
            f"{error}. Install it with: pip install 'sslkeras[video]', or 'sslkeras[audio]' for "
            "sounds alone."
        ) from error
    # The decoders tell of each damaged block on stderr; what cannot be read is an exception.
    av.logging.set_level(av.logging.PANIC)
    return av


@contextlib.contextmanager
def opened(path, kind="video"):
    """The open container and its first stream of that kind, "video" or "audio".

    Raises:
        UnreadableFileError: If there is none, or reading fails while it is open.
    """
    av = pyav()
    try:
        with av.open(path, metadata_errors="ignore") as container:
            streams = getattr(container.streams, kind)
            if not streams:
                what = "pictures" if kind == "video" else "sound"
                raise UnreadableFileError(f"{path} has no {what}")
            stream = streams[0]
            # Examples are decoded side by side: threads of the decoder would only compete.
            stream.codec_context.thread_count = 1
            yield container, stream
    except (av.FFmpegError, EOFError) as error:
        raise UnreadableFileError(f"{path} cannot be decoded: {error}") from error
