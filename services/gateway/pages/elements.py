"""The few elements of our own: native controls, and components that move by themselves in the browser."""

from collections.abc import Awaitable, Callable
from typing import Any, Self

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

Handler = Callable[[], Awaitable[None]] | Callable[[GenericEventArguments], Awaitable[None]]


class Live(Element):
    """A component whose props change while it is shown; the browser hears of real changes only."""

    def show(self, **props: Any) -> None:
        """Set props; those that are as before cost nothing."""
        changed = {name: value for name, value in props.items() if self._props.get(name) != value}
        if changed:
            with self._props.suspend_updates():
                self._props.update(changed)
            self.update()


class Preview(Live, component="components/preview.js"):
    """What a camera sees. Props: src, alt, note, icon."""


class YieldBar(Live, component="components/readable.js"):
    """How many of a camera's faces can be read. Props: text, parts (see `views.face_yield`)."""


class Faces(Live, component="components/faces.js"):
    """Bars of expressions. Props: faces (see `views.faces`), note."""


class PhotoPicker(Live, component="components/photo.js"):
    """A place for a picture, which it has read by REST and shows; `on_read` hears the answer without the picture.

    `on_refused` hears that there is no answer; the picture before is not shown any more.
    """

    def __init__(
        self,
        on_read: Callable[[GenericEventArguments], Awaitable[None]],
        on_refused: Callable[[GenericEventArguments], None],
        room: str,
    ) -> None:
        super().__init__()
        self.props["room"] = room
        self.on("read", on_read)
        self.on("refused", on_refused)


class Sender(Live, component="components/sender.js"):
    """This device's camera, sent to a camera of the house by REST. Prop: camera."""


class Plane(Live, component="components/plane.js"):
    """The valence-arousal plane. Props: text, mood, song (points), moods (points of reference)."""


class Day(Live, component="components/day.js"):
    """The moods of 24 hours. Props: text, start, parts (see `day.day`)."""


class Progress(Live, component="components/progress.js"):
    """How far the song is. Props: position, duration, playing, stamp (changes when the others were set anew)."""


class Listen(Live, component="components/listen.js"):
    """The music in this tab. Prop: room, empty where it has no player."""


class Text(TextElement):
    """Text in any tag; never HTML."""

    def __init__(self, tag: str, text: str = "", classes: str = "", testid: str = "") -> None:
        super().__init__(tag=tag, text=text)
        self.classes(classes)
        if testid:
            self.props["data-testid"] = testid


class Button(Live):
    """A native button: keyboard, focus and screen readers work without our doing.

    Args:
        handler: What a click does.
        text: What it says.
        icon: Its icon, before the text.
        label: What it is called where it says nothing.
        testid: Its name for tests.
        classes: Instead of `button`.
        tells: JavaScript, a function of the event that may `emit` what the handler hears of it; all of it without.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        text: str = "",
        icon: str = "",
        label: str = "",
        testid: str = "",
        classes: str = "",
        tells: str | None = None,
    ) -> None:
        super().__init__("button")
        self.classes(classes or "button")
        self.props["type"] = "button"
        self.props["data-testid"] = testid
        if label:
            self.props.update({"aria-label": label, "title": label})
        with self:
            self._icon = ui.icon(icon).props("aria-hidden=true") if icon else None
            self._words = Text("span", text) if text else None
        if tells:
            self.on("click", handler, js_handler=tells)
        else:
            self.on("click", handler)

    def says(self, *, text: str | None = None, icon: str | None = None, label: str | None = None) -> Self:
        """Change what the button shows and is called."""
        if text is not None and self._words:
            self._words.text = text
        if icon is not None and self._icon:
            self._icon.name = icon
        if label is not None:
            self.show(**{"aria-label": label, "title": label})
        return self

    def enable(self, enabled: bool) -> None:
        """Let it be used or not."""
        self.show(disabled=not enabled)


def box(tag: str = "div", classes: str = "", testid: str = "") -> Element:
    """Return a plain element to put others into."""
    element = Element(tag).classes(classes)
    if testid:
        element.props["data-testid"] = testid
    return element
