"""OpenCV, set up once: import `cv2` from here and nowhere else.

Its libraries write to standard error by themselves, past our logs and with the addresses (and passwords) of
cameras; what is set below must be there before they are loaded.
"""

import os

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")  # seconds, not ten, that a silent webcam holds us up

import cv2

cv2.setNumThreads(1)  # a frame is too small to share: more threads cost more than they bring (measured)

__all__ = ["cv2"]
