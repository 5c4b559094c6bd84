"""What the aggregator cannot do; the texts are for people."""


class NotRunningError(Exception):
    """The service does not run at the moment."""


class NoSuchRoomError(Exception):
    """Nothing is known of a room, or there are too many for a new one."""


class UnknownMoodError(ValueError):
    """A word that is no mood; the text says which are."""


class NotNowError(Exception):
    """What was asked for makes no sense at the moment; the text says why."""


class BadRecordingError(ValueError):
    """A file that is no recording; the text says where and why."""
