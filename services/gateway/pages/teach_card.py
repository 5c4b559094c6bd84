"""Was this right? What the room is taught by an answer, and by a minute of neutral faces."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from services.contracts.channels import spoken
from services.contracts.colours import mood_colour
from services.contracts.messages import Mood, MoodSource
from services.contracts.moods import NOBODY, UNKNOWN
from services.gateway import words
from services.gateway.pages.actions import Actions, Json
from services.gateway.pages.elements import Button, Text, box
from services.gateway.pages.look import Look

POLL_S = 5.0
"""How often a measurement is looked at while it runs."""


class TeachCard:
    """Answers to give, the button for the neutral faces, and what both have changed."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._mood: Mood | None = None
        self._moods: tuple[str, ...] = ()
        with box("section", "card teach").props('aria-label="Teach"'):
            with box("div", "card-head"):
                Text("h2", "Is this mood right?")
                self._measure = Button(
                    self._act(actions.measure_neutral),
                    text="Learn resting face", icon="sentiment_neutral", testid="measure-neutral",
                )  # fmt: skip
            with box("div", "chips"):
                self._answers = [
                    Button(self._answer(right=True), text="Yes", icon="check", classes="chip", testid="right"),
                    Button(self._answer(right=False), text="No", icon="close", classes="chip", testid="wrong"),
                ]
                self._instead = box("div", "chips")
            with box("div", "taught"):
                self._line = Text("p", classes="quiet", testid="taught").props("aria-live=polite")
                self._forget = Button(self._act(actions.forget_calibration), text="Forget this", testid="forget")
        self._forget.show(hidden=True)
        self._poll = ui.timer(POLL_S, self._load, active=False)
        ui.timer(0, self._load, once=True)

    def refresh(self, look: Look) -> None:
        """Offer the answers that the present mood has."""
        self._mood = mood = look.room.mood
        judged = mood is not None and mood.source is MoodSource.CAMERA and mood.mood != NOBODY
        for button in self._answers:
            button.enable(judged)
        self._answers[0].show(hidden=mood is not None and mood.mood == UNKNOWN)
        moods = tuple(one for one in mood.distribution if one != mood.mood) if mood and judged else ()
        if moods != self._moods:
            self._moods = moods
            self._instead.clear()
            with self._instead:
                for one in moods:
                    chip = Button(
                        self._answer(right=False, mood=one),
                        text=f"Rather {spoken(one).lower()}", classes="chip", testid=f"rather-{one}",
                    )  # fmt: skip
                    chip.style(f"--own: {mood_colour(one, look.house.taught)}")

    def _answer(self, *, right: bool, mood: str | None = None) -> Callable[[], Awaitable[None]]:
        async def answer() -> None:
            if judged := self._mood:
                await self._act(lambda: self._actions.judge(judged, right=right, instead=mood))()

        return answer

    def _act(self, action: Callable[[], Awaitable[Json | None]]) -> Callable[[], Awaitable[None]]:
        async def act() -> None:
            if (lesson := await action()) is not None:
                self._show(lesson)

        return act

    async def _load(self) -> None:
        if (lesson := await self._actions.calibration()) is not None:
            self._show(lesson)

    def _show(self, lesson: Json) -> None:
        self._line.text = words.taught(lesson)
        self._measure.enable(not lesson["measuring"])
        self._forget.show(hidden=not (lesson["baseline"] or lesson["answers"] or lesson["measuring"]))
        self._poll.active = bool(lesson["measuring"])
