# SPDX-License-Identifier: MIT
"""A bad cable: carries bytes between whoever connects and a port of this machine, and does to each
connection what its Fate says: cuts it in the middle of a frame, leaves it half open, stalls it, or
carries it slowly. `is_cut` holds everything at once, as when packets are dropped: nothing moves, and
nothing is closed either.
"""
import dataclasses
import select
import socket
import struct
import threading
import time

HELD_MAX = 64 * 1024  # bytes on the way of one direction; then the sender has to wait
TURN_SECONDS = 0.01
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() answers with RST


@dataclasses.dataclass
class Fate:
    """What happens to a connection once `after` bytes have passed, both ways counted together.

    pass      nothing
    cut       just so many bytes pass, then it ends, with RST where is_reset
    half      `way` 0 (from the client) or 1: what comes from there is lost without a word, its end
              too: the other side has to find out by itself
    stall     nothing moves for `seconds`, then all goes on
    throttle  `rate` bytes a second, each way
    """

    kind: str = "pass"
    after: int = 0
    way: int = 0
    seconds: float = 0
    rate: int = 0
    is_reset: bool = False


class _Pipe:
    """One direction of a connection."""

    def __init__(self, source, sink):
        self.source, self.sink = source, sink
        self.held = bytearray()
        self.is_ended = self.is_told = False  # source has ended; sink was told


class _Link:
    def __init__(self, near, far, fate):
        self.ends, self.fate = (near, far), fate
        self.pipes = (_Pipe(near, far), _Pipe(far, near))
        self.n_bytes = 0
        self.moves_at = 0.0
        self.is_over = False
        for end in self.ends:
            end.setblocking(False)

    def is_struck(self):
        return self.n_bytes >= self.fate.after

    def receive(self, way, now):
        pipe, fate = self.pipes[way], self.fate
        try:
            data = pipe.source.recv(HELD_MAX)
        except BlockingIOError:
            return
        except OSError:
            self.end(is_reset=True)
            return
        was_struck = self.is_struck()
        self.n_bytes += len(data)
        if fate.kind == "half" and was_struck and way == fate.way:
            pipe.is_ended = pipe.is_told = not data
            return
        if fate.kind == "cut" and self.is_struck():
            data = data[: max(0, len(data) - (self.n_bytes - fate.after))]
        elif fate.kind == "stall" and self.is_struck() and not was_struck:
            self.moves_at = now + fate.seconds
        pipe.held += data
        pipe.is_ended = pipe.is_ended or not data and not (fate.kind == "cut" and self.is_struck())

    def send(self, way, now):
        pipe, fate = self.pipes[way], self.fate
        size = max(1, int(fate.rate * TURN_SECONDS)) if fate.kind == "throttle" else HELD_MAX
        try:
            n_sent = pipe.sink.send(pipe.held[:size]) if pipe.held else 0
            del pipe.held[:n_sent]
            if pipe.is_ended and not pipe.held and not pipe.is_told:
                pipe.is_told = True
                pipe.sink.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return
        except OSError:
            self.end(is_reset=True)
            return
        if fate.kind == "throttle":
            self.moves_at = now + TURN_SECONDS
        if fate.kind == "cut" and self.is_struck() and not any(pipe.held for pipe in self.pipes):
            self.end(fate.is_reset)
        if all(pipe.is_told for pipe in self.pipes) and fate.kind != "half":
            self.end()

    def end(self, is_reset=False):
        self.is_over = True
        for end in self.ends:
            if is_reset:
                try:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                except OSError:
                    pass
            end.close()

    def wants(self, way):
        return not self.pipes[way].is_ended and len(self.pipes[way].held) < HELD_MAX

    def has(self, way, now):
        pipe = self.pipes[way]
        return now >= self.moves_at and (pipe.held or (pipe.is_ended and not pipe.is_told))


class Proxy:
    """Listens on `port`, a port of 127.0.0.1 that the system picks; choose() gives each new
    connection its Fate."""

    def __init__(self, target, choose=Fate):
        self.target, self.choose = target, choose
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.is_cut = self.is_closing = False
        self.n_links = 0
        self.links = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def connect(self, timeout):
        """A connection through it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def heal(self):
        """All connections are good ones from now on, but for those that are half open already."""
        self.choose = Fate
        for link in list(self.links):
            if link.fate.kind != "half" or not link.is_struck():
                link.fate, link.moves_at = Fate(), 0.0

    def close(self):
        self.is_closing = True
        self.thread.join()
        for link in self.links:
            link.end()
        self.listener.close()

    def _accept(self):
        near, _ = self.listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except OSError:
            near.close()
            return
        self.n_links += 1
        self.links.append(_Link(near, far, self.choose()))

    def _run(self):
        while not self.is_closing:
            now = time.monotonic()
            ways = [] if self.is_cut else [(link, way) for link in self.links for way in (0, 1)]
            sources = {link.pipes[way].source: (link, way) for link, way in ways if link.wants(way)}
            sinks = {link.pipes[way].sink: (link, way) for link, way in ways if link.has(way, now)}
            listening = [] if self.is_cut else [self.listener]
            readable, writable, _ = select.select([*listening, *sources], list(sinks), [], TURN_SECONDS)
            for end in writable:
                if not sinks[end][0].is_over:
                    sinks[end][0].send(sinks[end][1], now)
            for end in readable:
                if end is self.listener:
                    self._accept()
                elif not sources[end][0].is_over:
                    sources[end][0].receive(sources[end][1], now)
            self.links = [link for link in self.links if not link.is_over]
