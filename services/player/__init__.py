"""Plays the queue of a room on one of several backends."""
