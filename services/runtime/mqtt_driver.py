"""Reads and writes for a paho client in the event loop, in place of paho's own thread.

A message that changes threads costs two switches of the interpreter, which is more than reading it does.
"""

import asyncio
import contextlib
import logging
import ssl
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho

log = logging.getLogger(__name__)


def aside(work: Callable[[], None]) -> asyncio.Future[None]:
    """Do what may hang, such as asking for a name's address, on a thread that a process that ends does not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def finish(error: Exception | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
            done.exception()  # nobody has to ask

    def run() -> None:
        error = None
        try:
            work()
        except Exception as problem:  # noqa: BLE001 -- it is raised where the future is awaited
            error = problem
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
            loop.call_soon_threadsafe(finish, error)

    threading.Thread(target=run, name="mqtt-connect", daemon=True).start()
    return done


class Driver:
    """Drives one client, whose callbacks it has called in the loop that runs when it is made.

    Args:
        client: A client without a thread. It may be connected from any, once `hang_up` was called for the connection
            before, and while nobody else has it do anything.
        failed: Called with what went wrong where paho itself fails; `hang_up` then.
    """

    def __init__(self, client: paho.Client, failed: Callable[[str], None]) -> None:
        self._client, self._failed = client, failed
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._socket: Any = None
        self._writing = self._reading_on = False
        set_up = client.on_socket_open

        def opened(_client: paho.Client, userdata: Any, sock: Any) -> None:
            if set_up:
                set_up(client, userdata, sock)
            self._later(self._attach, sock)

        client.on_socket_open = opened
        client.on_socket_close = lambda _c, _u, sock: self._detach(sock)
        client.on_socket_register_write = lambda *_: self._later(self._write)
        client.on_socket_unregister_write = lambda *_: self._stop_writing()

    def look_after(self) -> None:
        """See whether the broker is still there; call it every second."""
        self._guarded(self._client.loop_misc)

    def hang_up(self) -> None:
        """Close the connection, with a goodbye where the socket takes one at once."""
        self._client.disconnect()
        self._guarded(self._client.loop_write)
        if sock := self._client.socket():  # also one that is not read any more, see `_guarded`
            self._detach(sock)
            with contextlib.suppress(OSError):
                sock.close()

    def _later(self, call: Callable[..., None], *args: Any) -> None:
        soon = self._loop.call_soon if threading.get_ident() == self._thread else self._loop.call_soon_threadsafe
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
            soon(call, *args)

    def _attach(self, sock: Any) -> None:
        if sock is not None and sock is self._client.socket():
            self._socket = sock
            self._loop.add_reader(sock, self._read)

    def _detach(self, sock: Any) -> None:
        if sock is self._socket:
            self._stop_writing()
            self._loop.remove_reader(sock)
            self._socket = None

    def _read(self) -> None:
        self._guarded(self._client.loop_read)
        # What TLS has decrypted the selector knows nothing of.
        decrypted = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()
        if decrypted and not self._reading_on:
            self._reading_on = True
            self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        """Read what is left of a record, when others have had their turn."""
        self._reading_on = False
        if self._socket is not None:
            self._read()

    def _write(self) -> None:
        if self._socket is None:
            return  # it was hung up meanwhile, and another thread may be connecting
        self._guarded(self._client.loop_write)
        if self._socket is not None and not self._writing and self._client.want_write():
            self._writing = True
            self._loop.add_writer(self._socket, self._guarded, self._client.loop_write)

    def _stop_writing(self) -> None:
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._socket)

    def _guarded(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except Exception as error:  # a packet that paho stumbles over
            log.exception("the connection to the broker failed")
            if sock := self._socket:
                self._detach(sock)
            self._failed(str(error) or type(error).__name__)
