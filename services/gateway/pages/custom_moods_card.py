"""Moods that the household teaches: what there is, and a lesson with consent, progress and a way out at any time."""

from collections.abc import Awaitable, Callable
from functools import partial

from nicegui import ui
from nicegui.events import GenericEventArguments

from services.contracts.channels import named, spoken
from services.contracts.colours import colour, mood_colour
from services.gateway import lessons
from services.gateway.pages.actions import Actions, Json
from services.gateway.pages.elements import Button, Live, Text, box
from services.gateway.pages.look import Look

POLL_S = 1.0
"""How often a lesson is looked at while it goes on,"""
IDLE_S = 1.5
"""and how often whether one was begun elsewhere: everyone before a camera may see it before the first face is taken."""
WAITING = "Inference, which teaches them, has not answered yet."
TELL_THE_STEP = """(event) => {
  const button = event.currentTarget, { step } = button.dataset, at = event.timeStamp;
  if (button.told && button.told.step !== step && at - button.told.at < 500) return;
  button.told = { step, at };
  emit(step);
}"""
"""Tells which step was on the screen when it was clicked: it ends by itself, too, and may be over when this is heard. A
click within half a second of another step's, as the second half of a double click, was not meant for this one."""


class CustomMoodsCard:
    """The list, the form that asks for consent, and the lesson; one of the last two is shown at a time."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._known: object = None
        self._mood = ""
        self._last_said = WAITING
        self._moods: list[Json] = []
        with box("section", "card own-moods").props('aria-label="Moods of your own"'):
            with box("div", "card-head"):
                Text("h2", "Moods of your own")
                self._teach = Button(self._open, text="Teach a mood", icon="school", testid="teach-mood")
                self._teach.enable(enabled=False)  # until it is known what people are to agree to
            self._said = Text("p", WAITING, classes="quiet", testid="lesson-said").props("aria-live=polite")
            self._form = box("div", "lesson", "lesson-form").props("hidden")
            with self._form:
                self._build_form()
            self._lesson = box("div", "lesson", "lesson").props("hidden")
            with self._lesson:
                self._build_lesson()
            self._list = box("ul", "own-list", "own-list")
            self._strip = box("div", "strip", "lesson-strip").props("role=status hidden")
            with self._strip:
                self._strip_words = Text("span", testid="lesson-strip-words")
                Button(self._stop, text="Stop, keep nothing", icon="close", classes="button", testid="strip-stop")
        self._old_name = ""
        """The mood that is to be taught further; empty where a new one is."""
        self._poll = ui.timer(POLL_S, self._load, active=False)
        ui.timer(IDLE_S, self._load)

    def refresh(self, look: Look) -> None:
        """Load the list anew where the house says that it changed."""
        if look.house.custom_moods != self._known:
            self._known = look.house.custom_moods
            self._poll.active = True

    def _build_form(self) -> None:
        with box("div", "lesson-fields"):
            self._name = _name_field("What is it called?", "lesson-name", placeholder="focused")
            self._place = _place_field("As its name or the faces say", "lesson-place")
        self._consent = Text("p", classes="quiet", testid="consent")
        self._agreed = ui.checkbox("Everyone before the camera knows this and agrees", on_change=self._may_begin).props(
            'dense data-testid="agree"'
        )
        with box("div", "chips"):
            self._begin = Button(
                self._start, text="Begin", icon="play_arrow", classes="button primary", testid="lesson-begin"
            )
            Button(self._close, text="Cancel", classes="button", testid="lesson-cancel")
        self._may_begin()

    def _build_lesson(self) -> None:
        self._instruction = Text("p", classes="lesson-words", testid="lesson-words").props("aria-live=polite")
        self._bar = Live("progress").classes("lesson-bar")
        self._bar.props["aria-label"] = "Faces"
        self._count = Text("p", classes="eyebrow", testid="lesson-count")
        self._told = Text("p", classes="quiet", testid="lesson-consent")
        with box("div", "chips"):
            self._next = Button(
                self._go_on,
                text="Go on", icon="check", classes="button primary", testid="lesson-next", tells=TELL_THE_STEP,
            )  # fmt: skip
            Button(self._stop, text="Stop, keep nothing", icon="close", classes="button", testid="lesson-stop")

    async def _open(self) -> None:
        self._offer("")

    def _offer(self, mood: str) -> None:
        """Ask for consent to teach a mood; without a name, for that too."""
        self._old_name = mood
        self._name.value = spoken(mood) if mood else ""
        self._name.set_enabled(not mood)
        self._place.set_visibility(not mood)
        self._agreed.value = False
        self._form.props(remove="hidden")
        self._said.text = ""

    async def _close(self) -> None:
        self._form.props("hidden")

    def _may_begin(self) -> None:
        self._begin.enable(bool(self._agreed.value))

    async def _start(self) -> None:
        if not (mood := self._old_name or _name_in(self._name)):
            return
        place = _place_in(self._place) if self._place.visible else {}
        agreed = bool(self._agreed.value)
        if (answer := await self._actions.begin_lesson(mood, place, consent=agreed)) is not None:
            self._form.props("hidden")
            self._show(answer)

    async def _go_on(self, event: GenericEventArguments) -> None:
        await self._act(self._actions.go_on_with_lesson(self._mood, str(event.args)))

    async def _stop(self) -> None:
        await self._act(self._actions.stop_lesson(self._mood))

    async def _act(self, action: Awaitable[Json | None]) -> None:
        if (answer := await action) is not None:
            self._show(answer)

    async def _load(self) -> None:
        if (answer := await self._actions.custom_moods()) is not None:
            self._show(answer)

    def _show(self, answer: Json) -> None:
        teaching = answer["teaching"]
        self._poll.active = teaching is not None
        self._consent.text = self._told.text = answer["consent"]
        if (said := lessons.said(answer)) != self._last_said:  # what is not new may have been put away
            self._last_said = self._said.text = said
        self._teach.enable(teaching is None)
        if teaching is None:
            self._lesson.props("hidden")
            self._strip.props("hidden")
        else:
            self._show_lesson(teaching)
        if answer["moods"] != self._moods:
            self._moods = answer["moods"]
            self._show_list()

    def _show_list(self) -> None:
        self._list.clear()
        with self._list:
            for one in self._moods:
                self._row(one)

    def _show_lesson(self, teaching: Json) -> None:
        self._mood = str(teaching["mood"])
        self._lesson.props(remove="hidden")
        self._form.props("hidden")
        self._strip.props(remove="hidden")
        self._strip_words.text = lessons.notice(teaching)
        self._instruction.text = lessons.instruction(teaching)
        self._count.text = lessons.count(teaching)
        self._bar.show(value=teaching["faces"], max=max(1, teaching["most"]), hidden=not teaching["most"])
        enough = teaching["step"] != "done" and teaching["faces"] >= teaching["least"]
        self._next.show(disabled=not enough, **{"data-step": teaching["step"]})
        ready = teaching["step"] == "ready"
        self._next.says(text="I show it now" if ready else "That is enough")

    def _row(self, mood: Json) -> None:
        word = str(mood["mood"])
        own = colour(None) if mood["problem"] else mood_colour(word, {word: lessons.place_of(mood)})
        with box("li", testid=f"own-{word}").style(f"--own: {own}"):
            box("i").props("aria-hidden=true")
            with box("div", "own-words"):
                Text("span", spoken(word), "own-name")
                Text("span", lessons.described(mood), "quiet")
            self._tool("add", f"Teach {word} further", partial(self._further, word), f"further-{word}")
            self._tool("edit", f"Rename or move {word}", partial(self._change, word), f"change-{word}")
            self._tool("delete_outline", f"Forget {word}", partial(self._forget, word), f"forget-{word}")

    def _tool(self, icon: str, label: str, act: Callable[[], Awaitable[None]], testid: str) -> None:
        Button(act, icon=icon, label=label, classes="icon", testid=testid)

    async def _further(self, mood: str) -> None:
        self._offer(mood)

    async def _change(self, mood: str) -> None:
        with ui.dialog() as dialog, box("div", "card dialog"):
            Text("h2", f"Change {spoken(mood)}")
            field = _name_field("Name", "new-name", value=spoken(mood))
            place = _place_field("As it did", "new-place")
            with box("div", "chips"):
                Button(_closing(dialog, "yes"), text="Change", classes="button primary", testid="change-yes")
                Button(_closing(dialog, ""), text="Cancel", classes="button")
        if await dialog == "yes" and (to := mood if field.value == spoken(mood) else _name_in(field)):
            await self._act(self._actions.change_mood(mood, to, _place_in(place)))
        dialog.delete()

    async def _forget(self, mood: str) -> None:
        with ui.dialog() as dialog, box("div", "card dialog"):
            Text("h2", f"Forget {spoken(mood)}?")
            Text("p", "What was kept of the faces is deleted. This cannot be undone.", "quiet")
            with box("div", "chips"):
                Button(_closing(dialog, "yes"), text="Forget", classes="button primary", testid="forget-yes")
                Button(_closing(dialog, ""), text="Cancel", classes="button")
        if await dialog == "yes":
            await self._act(self._actions.forget_mood(mood))
        dialog.delete()


def _name_field(label: str, testid: str, *, value: str = "", placeholder: str = "") -> ui.input:
    """Return a field for a mood's name, which says below what the name becomes where that is not what is typed."""

    def say() -> None:
        field.props["hint"] = lessons.name_said(str(field.value or ""))

    field = ui.input(label, value=value, placeholder=placeholder, on_change=say)
    field.props["data-testid"] = testid
    return field.props("dense outlined maxlength=64")


def _place_field(unsaid: str, testid: str) -> ui.select:
    """Return a field for a mood's place on the plane, with what is said where none is chosen."""
    choices = {"": unsaid} | {key: text for key, (text, _) in lessons.PLACES.items()}
    return ui.select(choices, value="", label="How does it feel?").props(
        f'dense outlined options-dense data-testid="{testid}"'
    )


def _place_in(field: ui.select) -> Json:
    """Return the place that was chosen as REST takes it; nothing where none was."""
    _, place = lessons.PLACES.get(str(field.value), ("", None))
    return place._asdict() if place else {}


def _name_in(field: ui.input) -> str:
    """Return the name in a field; say so where there is none."""
    name = named(str(field.value or ""))
    if not name:
        ui.notify(f"Give the mood a name first. {lessons.NAMELESS}", icon="error_outline")
    return name


def _closing(dialog: ui.dialog, answer: str) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        dialog.submit(answer)

    return close
