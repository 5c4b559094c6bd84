"""Finds faces in front of a camera and publishes their crops."""
