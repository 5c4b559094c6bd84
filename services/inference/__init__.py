"""Classifies face crops through a TensorFlow-Serving-compatible model server."""
