"""The embedded MQTT broker of the one-process way."""
