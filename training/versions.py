"""Which version of the model is the released one, and which comes next."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

MODEL_NAME: Final = "expression"
VERSIONS: Final = Path("models") / MODEL_NAME


def numbers(folder: Path = VERSIONS) -> list[int]:
    """Gives the versions that lie in a model's folder, the newest last; what else lies there is none."""
    return sorted(int(path.name) for path in folder.glob("*") if path.name.isdecimal() and path.is_dir())


def released(folder: Path = VERSIONS) -> Path:
    """Gives the newest version's folder.

    Raises:
        SystemExit: There is none.
    """
    found = numbers(folder)
    if not found:
        message = f"{folder}: no version of the model lies there; run this from the repository's folder, or name one"
        raise SystemExit(message)
    return folder / str(found[-1])


def joined(runs: Sequence[str]) -> str:
    """Names what one or two runs make together by their names."""
    return "+".join(runs)


def networks_of(version: Path) -> list[dict[str, Any]]:
    """Says what made each of a version's networks.

    Raises:
        SystemExit: The version is from before there could be two.
    """
    made: dict[str, Any] = json.loads((version / "model.json").read_text())["training"]
    if "networks" not in made:
        message = f"{version}/model.json does not name its networks: use the commit that the version was released by"
        raise SystemExit(message)
    networks: list[dict[str, Any]] = made["networks"]
    return networks


def runs_of(version: Path) -> str:
    """Names the runs that a version was exported from."""
    return str(json.loads((version / "model.json").read_text())["training"]["run"])


def following(folder: Path = VERSIONS) -> Path:
    """Gives the folder of the version after the newest: other weights are another version."""
    return folder / str(max(numbers(folder), default=0) + 1)
