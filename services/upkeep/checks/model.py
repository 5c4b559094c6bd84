"""The doctor's checks of the model: the files that are here, and the server that answers with it."""

import asyncio
import hashlib

import numpy as np

from services.inference import model_folder
from services.inference.predictor import PredictorError, grpc_address
from services.runtime.service import SetupError
from services.runtime.settings import Settings
from services.upkeep.findings import Finding, broken, by_way, correct, skipped, well


def model_files(settings: Settings) -> Finding:
    """Compare the model's files with what `model.json` says of them."""
    inference = settings.inference
    again = by_way(
        settings, "`git checkout -- models`", "`git checkout -- models`, then `docker compose up --build -d`"
    )
    try:
        folder = model_folder.latest(inference.models, inference.model)
    except SetupError as error:
        if inference.model_server != "embedded:":
            return skipped("model", "its files are with the model server only")
        return broken("model", str(error), again)
    for name, wanted in folder.description.files.items():
        file = folder.path / name
        # An image holds those that its server reads; what is here has to be right.
        if file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() != wanted:
            return broken("model", f"{file} is not the file that was released (its sha256 differs)", again)
    if inference.model_server == "embedded:" and not folder.lite_file.exists():
        return broken("model", f"{folder.lite_file} is missing", again)
    return well("model", f"{folder.name}, version {folder.version}, in {folder.path.parent}")


def model_server(settings: Settings) -> Finding:
    """Have the model server classify an empty face."""
    inference = settings.inference
    if inference.model_server == "embedded:":
        return skipped("model server", "the embedded one is used, which runs with Moodring")
    try:
        address = grpc_address(inference.model_server)
    except SetupError as error:
        return broken("model server", str(error), correct(settings, "MOODRING_INFERENCE_MODEL_SERVER"))
    try:
        version, labels = asyncio.run(_ask(settings, address))
    except PredictorError as error:
        alone = "start it (`moodring run model-server`), or correct MOODRING_INFERENCE_MODEL_SERVER"
        own = "`docker compose up -d model-server`, and `docker compose logs model-server` says why it ended"
        return broken("model server", str(error), by_way(settings, alone, own))
    return well("model server", f"{address} has {inference.model}, version {version}, with {labels} expressions")


async def _ask(settings: Settings, address: str) -> tuple[int, int]:
    from services.inference.remote import GrpcPredictor

    inference = settings.inference
    labels = model_folder.Labels(inference.models)
    async with GrpcPredictor(address, model=inference.model, labels=labels, timeout_s=5) as predictor:
        version = await predictor.status()
        return version, len((await predictor.predict(np.zeros((1, 48, 48, 1), np.uint8))).labels)
