"""What every service runs on: bus, settings, runner, HTTP, health, state files, logs."""
