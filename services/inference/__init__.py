"""Classifies face crops through a TensorFlow-Serving-compatible model server."""

import os

os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # gRPC writes past our logs; it reads this when first imported
