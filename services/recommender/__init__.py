"""Picks the songs that fit, or lift, a room's mood; sole owner of the database."""
