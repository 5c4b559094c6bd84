"""Importers: from music that is somewhere to songs on the plane."""
