"""Images, detectors and the one crop function, shared by camera, inference and training."""
