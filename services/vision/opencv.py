"""OpenCV, set up once: import `cv2` from here and nowhere else.

Its libraries write to standard error by themselves, past our logs and with the addresses (and passwords) of
cameras; both the levels below must be set before they are first used.
"""

import os

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

import cv2

cv2.setNumThreads(1)  # a frame is too small to share: more threads cost more than they bring (measured)

__all__ = ["cv2"]
