"""Has a model server classify the golden faces, and fails where it answers otherwise than the model's release did."""

import asyncio
import json
import sys
from pathlib import Path

import numpy as np

from services.inference.model_folder import Labels, latest
from services.inference.predictor import GrpcPredictor
from training.golden import golden_faces

MODELS = Path(__file__).parents[2] / "models"


async def main(address: str) -> None:
    """Classify them and compare."""
    golden = json.loads((latest(MODELS, "expression").path / "golden.json").read_text())
    async with GrpcPredictor(address, model="expression", labels=Labels(MODELS), timeout_s=60) as predictor:
        found = await predictor.predict(golden_faces())
    golden = golden.get("int8", golden["exact"])  # what the light server prefers
    np.testing.assert_allclose(found.probabilities, golden["probabilities"], atol=golden["tolerance"])
    best = [found.labels[index] for index in found.probabilities.argmax(axis=1)]
    sys.stdout.write(f"as released: {', '.join(best)}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
