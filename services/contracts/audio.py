"""The one table of sound files: what is imported is what is played."""

from collections.abc import Mapping

AUDIO_TYPES: Mapping[str, str] = {
    ".aac": "audio/aac",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".ape": "audio/x-ape",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".m4b": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".mpc": "audio/x-musepack",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".wma": "audio/x-ms-wma",
    ".wv": "audio/x-wavpack",
}
"""MIME types (IANA's, or the usual ones) by suffix in lower case; the platform's own table lacks some of them."""
