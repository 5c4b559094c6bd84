"""Settings from the environment, written there as in the file and as `moodring config` shows them."""

from typing import Any

import yaml
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource


class Environment(EnvSettingsSource):
    """Reads a value of several parts as YAML, of which JSON is a part; what is none stays as it is, to be named."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ARG002
        """Return what a value of several parts holds."""
        try:
            return yaml.safe_load(value)
        except yaml.YAMLError:
            return value
