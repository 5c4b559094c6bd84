"""The synthetic person and the demo songs, for a first start without a camera or a library."""
