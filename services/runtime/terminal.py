"""Ctrl-C under make."""

import contextlib
import os
import signal
import sys


def take_terminal() -> None:
    """Become the terminal's foreground process group, so that Ctrl-C reaches us and not make.

    make dies of the Ctrl-C that is meant for the program it runs, and then reports an error however cleanly that
    program ended. Does nothing outside make or without a terminal.
    """
    if "MAKELEVEL" not in os.environ or not sys.stdin.isatty():
        return
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
        os.tcsetpgrp(sys.stdin.fileno(), os.getpgrp())
