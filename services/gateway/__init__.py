"""The door: dashboard, event stream, access."""
