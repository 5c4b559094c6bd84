"""What the inference service tells Prometheus."""

from prometheus_client import Counter, Histogram

from services.runtime.measures import from_zero

FACES_DONE = Counter("moodring_inference_faces", "Faces classified")
BAD_IMAGE = "bad image"
FACES_BAD = from_zero(
    Counter("moodring_inference_faces_dropped", "Faces that were not classified", ["reason"]), [BAD_IMAGE]
)
PREDICT_SECONDS = Histogram(
    "moodring_inference_predict_seconds",
    "Time from a batch of crops to their probabilities",
    buckets=(0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1),
)
WAIT_SECONDS = Histogram(
    "moodring_inference_wait_seconds",
    "Time from the arrival of a frame's crops to the batch they are classified in",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 2),
)
AGE_SECONDS = Histogram(
    "moodring_inference_frame_age_seconds",
    "Age of a frame when its expressions were published",
    buckets=(0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1, 0.2, 0.5, 1, 2),
)
