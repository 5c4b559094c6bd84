"""What people ask for over REST, done once each, as what comes over the bus is."""

from collections.abc import Callable

from services.contracts.messages import Command, utc_now
from services.runtime.commands import CommandLog


class Asked:
    """Remembers the last commands. Their age is told by the clock that stamps those without a time of their own."""

    def __init__(self) -> None:
        self._log = CommandLog()

    async def once(self, command: Command, do: Callable[[], str]) -> str:
        """Do a command that was not done before; return why it is not done, or nothing.

        A client that heard no answer asks again with the same id, at any age: that is as good as done.

        Args:
            command: The command.
            do: Does it, and returns why that is impossible, or nothing.
        """
        if self._log.refusal(command.model_copy(update={"issued_at": utc_now()})):
            return ""
        if late := self._log.refusal(command):
            return f"the command was not done: {late}"
        if not (problem := do()):
            await self._log.done(command)
        return problem
