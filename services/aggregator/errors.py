"""What the aggregator cannot do; the texts are for people."""


class NotRunningError(Exception):
    """The service does not run at the moment."""


class NoSuchRoomError(Exception):
    """Nothing is known of a room, or there are too many for a new one."""


class UnknownMoodError(ValueError):
    """A word that is no mood; the text says which are."""
