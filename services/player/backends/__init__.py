"""What makes the sound: one module per way, all behind the port in `base`."""
