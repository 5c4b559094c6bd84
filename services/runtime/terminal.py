"""Ctrl-C, before anything else is imported and whoever started us."""

import contextlib
import os
import signal
import sys
from types import FrameType


def prepare_for_ctrl_c() -> None:
    """Let an early Ctrl-C end the process quietly, and let it reach us and not make.

    make dies of the Ctrl-C that is meant for the program it runs, and then reports an error however cleanly that
    program ended; under it we become the terminal's foreground process group.
    """
    signal.signal(signal.SIGINT, _end_at_once)
    if "MAKELEVEL" not in os.environ or not sys.stdin.isatty():
        return
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
        os.tcsetpgrp(sys.stdin.fileno(), os.getpgrp())


def _end_at_once(_number: int, _frame: FrameType | None) -> None:
    os._exit(0)  # nothing has been opened yet
