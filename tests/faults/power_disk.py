# SPDX-License-Identifier: MIT
"""A disk as a power cut leaves it, from the record that recorder.c makes.

What was synced is there: bytes by a sync of their file that began after they were written, a name by
a sync of its folder. Of everything else any part may be there: a write whole, not at all or torn
into sectors, the size of a file with nothing in it, a new name, an old one. That is more than a
journaling file system does to anyone. A rename takes effect whole, or not at all.
"""
import json
import mmap
import os
import pathlib
import re
import struct

HEADER = struct.Struct("=IIQQIIII")
SECTORS = (512, 4096)
RECEIPT = re.compile(rb'\{"id":.*"minisig":.*\}', re.S)
KINDS_OF_ENTRIES = ("submission", "promise")


class File:
    """Bytes that are durable, and what was written since: (place in the record, offset, bytes)."""

    def __init__(self, data=b"", is_muted=False):
        self.durable = bytearray(data)
        self.pending = []
        self.is_muted = is_muted  # a control: its syncs do nothing

    def sync(self, place):
        if self.is_muted:
            return
        n_done = 0
        for when, offset, data in self.pending:
            if when > place:
                break
            put(self.durable, offset, data)
            n_done += 1
        del self.pending[:n_done]

    def whole(self):
        """As it was read while the power was on."""
        data = bytearray(self.durable)
        for _, offset, more in self.pending:
            put(data, offset, more)
        return bytes(data)

    def torn(self, random, style):
        """As it may be found after the cut."""
        if not self.pending:
            return bytes(self.durable)
        if style == "all":
            return self.whole()
        data = bytearray(self.durable)
        end = random.randrange(len(self.pending) + 1) if style == "prefix" else len(self.pending)
        size_max = len(data)
        for number, (_, offset, more) in enumerate(self.pending):
            if isinstance(more, bytes):
                size_max = max(size_max, offset + len(more))
            way = "drop" if number >= end or style == "none" else "keep"
            if style == "any":
                way = random.choice(("keep", "drop", "tear"))
            if style == "prefix" and number == end - 1 and random.random() < 0.5:
                way = "tear"
            if way == "keep":
                put(data, offset, more)
            elif way == "tear":
                tear(data, offset, more, random)
        if random.random() < 0.2 and size_max > len(data):
            data.extend(bytes(size_max - len(data)))  # the size came to the disk, the bytes did not
        return bytes(data)


def put(data, offset, more):
    """Bytes at a place, or (more is None) a new size."""
    if more is None:
        del data[offset:]
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    if more is not None:
        data[offset : offset + len(more)] = more


def tear(data, offset, more, random):
    """Some of its sectors."""
    if more is None:
        return
    sector = random.choice(SECTORS)
    at = 0
    while at < len(more):
        end = min(len(more), at + sector - (offset + at) % sector)
        if random.random() < 0.5:
            put(data, offset + at, more[at:end])
        at = end


class Folder:
    def __init__(self, is_muted=False):
        self.names = {}  # durable ones
        self.is_muted = is_muted


class Move:
    """A change of names that is not durable yet: a node gets one, and may lose another."""

    def __init__(self, place, folder, name, node, old=None):
        self.place, self.folder, self.name, self.node = place, folder, name, node
        self.old = old  # (folder, name) of a rename

    def apply(self, names):
        """To names[folder], a dict each."""
        if self.old:
            there = names(self.old[0])
            if there.get(self.old[1]) is self.node:
                del there[self.old[1]]
        if self.node is None:
            names(self.folder).pop(self.name, None)
        else:
            names(self.folder)[self.name] = self.node


class Ack:
    """A receipt that was sent: from its place in the record on it must hold."""

    def __init__(self, place, document):
        self.place, self.id, self.sha256 = place, document["id"], document["sha256"]
        self.entry = document["entry"].encode()
        self.kind = json.loads(document["entry"])["kind"]


class Snapshot:
    """What lies in a folder before anything is recorded: all of it is durable."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.items = []  # (path, inode number, bytes or None), folders before what is in them
        for path in [self.folder, *sorted(self.folder.rglob("*"))]:
            if path.is_dir() or path.is_file():
                name = "/".join(path.relative_to(self.folder).parts)
                self.items.append((name, path.stat().st_ino, path.read_bytes() if path.is_file() else None))


def kinds(log_path):
    """The kind of every record, a letter each."""
    found = []
    with open(log_path, "rb") as log:
        data = mmap.mmap(log.fileno(), 0, access=mmap.ACCESS_READ)
    at = 0
    while at < len(data):
        kind, _, _, _, n_path, n_to, n_data, _ = HEADER.unpack_from(data, at)
        at += HEADER.size + n_path + n_to + n_data
        found.append(chr(kind))
    return "".join(found)


class Disk:
    """A folder's disk while the record is followed.

    mute(path) of a control: True for files and folders whose syncs are to do nothing.
    """

    def __init__(self, snapshot, log_path, mute=lambda path: False):
        self.base, self.log_path, self.mute = str(snapshot.folder), log_path, mute
        self.nodes = {}  # of inode numbers
        self.moves = []
        self.acks = {}   # (id, kind of entry): the first
        self.syncs = {}  # (thread, inode): where its sync began
        self.root = None
        folders = {}
        for name, inode, data in snapshot.items:
            node = Folder(mute(name)) if data is None else File(data, mute(name))
            self.nodes[inode] = node
            if data is None:
                folders[name] = node
            if name == "":
                self.root = node
            else:
                folder, _, last = name.rpartition("/")
                folders[folder].names[last] = node

    # ---- following the record ----

    def follow(self):
        """Takes record after record; yields the place of each, counted from 1."""
        with open(self.log_path, "rb") as log:
            data = mmap.mmap(log.fileno(), 0, access=mmap.ACCESS_READ)
        at = place = 0
        while at < len(data):
            kind, thread, inode, number, n_path, n_to, n_data, _ = HEADER.unpack_from(data, at)
            at += HEADER.size
            path = data[at : at + n_path].decode()
            to = data[at + n_path : at + n_path + n_to].decode()
            at += n_path + n_to
            place += 1
            self.take(place, chr(kind), thread, inode, number, path, to, data[at : at + n_data])
            at += n_data
            yield place

    def take(self, place, kind, thread, inode, number, path, to, data):
        if kind in "CM":
            is_muted = self.mute(path[len(self.base) + 1 :])
            node = Folder(is_muted) if kind == "M" else File(is_muted=is_muted)
            self.nodes[inode] = node
            self.moves.append(Move(place, *self.parent(path), node))
        elif kind == "W":
            self.nodes[inode].pending.append((place, number, data))
        elif kind == "T":
            self.nodes[inode].pending.append((place, number, None))
        elif kind == "A":
            file = self.nodes[inode]
            if len(file.whole()) < number:
                file.pending.append((place, number, b""))
        elif kind == "b":
            self.syncs[thread, inode] = place
        elif kind == "e":
            self.sync(self.nodes[inode], self.syncs.pop((thread, inode)))
        elif kind == "S":
            self.sent(place, data)
        else:
            self.rename(place, kind, path, to)

    def rename(self, place, kind, path, to):
        folder, name = self.parent(path)
        node = self.names(folder).get(name)
        if kind == "U":
            self.moves.append(Move(place, folder, name, None))
        elif kind == "L":
            self.moves.append(Move(place, *self.parent(to), node))
        else:
            self.moves.append(Move(place, *self.parent(to), node, (folder, name)))

    def sync(self, node, place):
        if isinstance(node, File):
            node.sync(place)
            return
        if node.is_muted:
            return
        left = []
        for move in self.moves:
            if move.folder is not node or move.place > place:
                left.append(move)
                continue
            move.apply(lambda folder: folder.names)
            if move.old:  # it cannot have its old name again
                left = [other for other in left
                        if (other.folder, other.name, other.node) != (*move.old, move.node)]
        self.moves = left

    def sent(self, place, data):
        found = RECEIPT.search(data)
        if found:
            ack = Ack(place, json.loads(found[0]))
            if ack.kind in KINDS_OF_ENTRIES:
                self.acks.setdefault((ack.id, ack.kind), ack)

    # ---- names as they are while the power is on ----

    def names(self, folder):
        there = dict(folder.names)
        for move in self.moves:
            if move.folder is folder or (move.old and move.old[0] is folder):
                view = {folder: there}
                move.apply(lambda other, view=view: view.get(other, {}))
        return there

    def parent(self, path):
        """(folder, name)"""
        parts = os.path.normpath(path)[len(self.base) + 1 :].split("/")
        folder = self.root
        for part in parts[:-1]:
            found = folder.names.get(part)
            folder = found if isinstance(found, Folder) and not self.is_moved(folder, part) \
                else self.names(folder)[part]
        return folder, parts[-1]

    def is_moved(self, folder, name):
        return any(move.folder is folder and move.name == name for move in self.moves)

    def whole(self):
        """{path: bytes} of everything as it is without a cut."""
        return self.tree(self.names, lambda file: file.whole())

    def tree(self, names, content):
        found, left = {}, [("", self.root)]
        while left:
            path, folder = left.pop()
            for name, node in names(folder).items():
                if isinstance(node, Folder):
                    left.append((f"{path}{name}/", node))
                else:
                    found[path + name] = content(node)
        return found

    # ---- the cut ----

    def cut(self, random):
        """{path: bytes} of one of the images that a cut at this moment may leave."""
        style = random.choice(("any", "any", "prefix", "none", "all"))
        changed = {}

        def names(folder):
            if folder not in changed:
                changed[folder] = dict(folder.names)
            return changed[folder]

        n_kept = random.randrange(len(self.moves) + 1)
        for number, move in enumerate(self.moves):
            is_kept = random.random() < 0.5
            if style == "all" or (style == "any" and is_kept) or (style == "prefix" and number < n_kept):
                move.apply(names)
        image = self.tree(lambda folder: changed.get(folder, folder.names),
                          lambda file: file.torn(random, style))
        for path in [path for path in image if path.endswith("-shm")]:
            garbage = random.choice((None, bytes(32768), random.randbytes(32768)))
            if garbage is None:
                del image[path]
            else:
                image[path] = garbage  # written through memory: anything
        return image
