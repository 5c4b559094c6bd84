"""What `--set key=value` changes, in the settings and in a simulated room."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from services.aggregator.scenario import Scenario
from services.runtime.mood_settings import Aggregator, MoodRules
from services.runtime.service import SetupError
from services.runtime.wrong_settings import reason


def changed(section: Aggregator, assignments: Sequence[str]) -> Aggregator:
    """Return the settings with some `key=value` put over them, in every room.

    Raises:
        SetupError: A key or a value is wrong.
    """
    pairs = assigned(assignments, MoodRules.model_fields)
    keys = section.model_dump()
    rooms = {room: rules | pairs for room, rules in keys["rooms"].items()}
    try:
        return Aggregator.model_validate(keys | pairs | {"rooms": rooms})
    except ValidationError as error:
        raise _wrong(error) from error


def assigned(assignments: Sequence[str], known: Iterable[str]) -> dict[str, Any]:
    """Return the values of `key=value`, each as YAML.

    Raises:
        SetupError: A key is unknown, or a value is no YAML.
    """
    pairs = dict(assignment.partition("=")[::2] for assignment in assignments)
    for key, value in pairs.items():
        if key not in known:
            raise SetupError(f"--set {key}={value}: it is none of {', '.join(sorted(known))}")
    try:
        values = {key: yaml.safe_load(value) for key, value in pairs.items()}
    except yaml.YAMLError as error:
        raise SetupError(f"--set {' '.join(assignments)}: {' '.join(str(error).split())}") from error
    for key, value in values.items():
        for name, one in value.items() if isinstance(value, dict) else ():
            if one is None and ":" in str(name):
                right = ": ".join(str(name).split(":", 1))
                raise SetupError(f"--set {key}={pairs[key]}: there has to be a blank after each colon, as in {right}")
    return values


def _wrong(error: ValidationError) -> SetupError:
    key, why, value = reason(error)
    return SetupError(f"--set {key}={value}: {why}")


def varied(scenario: Scenario, assignments: Sequence[str]) -> Scenario:
    """Return a scenario with some `key=value` put over it.

    Raises:
        SetupError: A key or a value is wrong.
    """
    keys = asdict(scenario)
    try:
        return TypeAdapter(type(scenario)).validate_python(keys | assigned(assignments, keys))
    except ValidationError as error:
        raise _wrong(error) from error
