"""Works out a room's mood from its faces' expressions over a window."""
