"""A container's health: exits with 1 and says why while the service in it does not work.

Standard library only and no import of ours, so that asking every few seconds costs next to nothing.
"""

import json
import os
import sys
import urllib.error
import urllib.request

URL = f"http://127.0.0.1:{os.environ.get('MOODRING_HTTP_PORT', '8080')}/readyz"


def main() -> int:
    """Ask whether the service is ready and return the exit code."""
    try:
        with urllib.request.urlopen(URL, timeout=4):  # noqa: S310 - a fixed scheme
            return 0
    except urllib.error.HTTPError as error:
        answer = error.read().decode(errors="replace")
    except OSError as error:
        answer = f"nothing answers at {URL}: {error}"
    try:
        problems = json.loads(answer)["problems"]
        answer = "; ".join(text for parts in problems.values() for text in parts.values())
    except (ValueError, KeyError, AttributeError):
        pass
    sys.stdout.write(f"{answer}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
